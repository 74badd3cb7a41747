"""Where a contact can be reached."""
