"""What Loom is built from, and how: advisories, the bill of materials, the reproducible wheel."""
