"""Pictures and sound for front ends: whatever others sent is decoded in a locked-in process."""
