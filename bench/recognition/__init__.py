"""Recognition: right names, strangers, faces found, and their cost, for both engines."""
