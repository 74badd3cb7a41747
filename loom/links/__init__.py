"""Links over streams: the driver of one, and who may begin one; nodes and anchors share it."""
