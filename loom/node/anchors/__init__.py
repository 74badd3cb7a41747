"""Accounts at anchors, guests at the anchors of others, and who reads what there (PROTOCOL 10)."""
