"""The vault and the encrypted database of one profile."""
