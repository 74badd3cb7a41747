"""A conversation or a room written out, unencrypted, to be read without Loom.

`conversation.py` reads it page by page; each other file is one format.
"""
