"""The Client of a running node, over a private Unix socket."""
