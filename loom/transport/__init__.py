"""Byte streams between two nodes."""
