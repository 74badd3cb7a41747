"""Invites: one's own, who uses them, and those of others that are used here (PROTOCOL 11)."""
