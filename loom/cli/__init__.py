"""The `loom` command, one file per command group."""
