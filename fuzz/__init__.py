"""Fuzz targets: any bytes give a value or the documented error (docs/EVIDENCE.md, "Fuzzing")."""
