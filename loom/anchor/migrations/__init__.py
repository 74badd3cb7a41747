"""The database schema of an anchor as numbered SQL files, applied in order."""
