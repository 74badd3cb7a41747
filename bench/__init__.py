"""Measures Loom against its peers and says which target holds: `python -m bench`."""
