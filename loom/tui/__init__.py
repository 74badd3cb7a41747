"""The terminal front end: it knows `Client` and `Profiles`, and nothing else of the node."""
