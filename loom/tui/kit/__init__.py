"""What every screen but the conversation is made of: panels and choosers (ADR 0026)."""
