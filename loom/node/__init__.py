"""The service of one profile."""
