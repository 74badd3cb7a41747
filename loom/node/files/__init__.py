"""Files: offered, served, fetched, kept."""
