"""One module for each entrance of bytes; each has a `TARGET`."""
