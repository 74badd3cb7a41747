"""Ways to a contact: direct links, and when to dial."""
