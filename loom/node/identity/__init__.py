"""The owner's identity as it changes, and those of contacts (docs/PROTOCOL.md 1.5)."""
