"""An anchor: keeps queues of sealed blobs for people who are rarely online (PROTOCOL.md 10)."""
