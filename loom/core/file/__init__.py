"""Files: what is offered, how its content is sealed, and how it is fetched (PROTOCOL 15)."""
