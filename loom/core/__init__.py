"""Sans-IO state machines: link, handshake, ratchet and session."""
