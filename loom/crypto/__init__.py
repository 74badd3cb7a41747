"""The primitives: the only importer of `cryptography` and Argon2."""
