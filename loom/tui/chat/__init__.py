"""The conversations: list, messages, composer, and what is done with them."""
