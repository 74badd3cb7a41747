"""Rooms: what their members signed, taken in, passed on and shown (docs/PROTOCOL.md 14)."""
