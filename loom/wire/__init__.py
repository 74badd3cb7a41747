"""Bytes in and out: encodings, framing, token and payloads."""
