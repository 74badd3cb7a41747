"""Rooms: signed statements and posts, what holds after them, comparing them (PROTOCOL 14)."""
