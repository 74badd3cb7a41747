"""What Loom is measured against, one file per peer; each imports its package only when opened."""
