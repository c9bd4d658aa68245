"""The ways that are measured side by side: the usual, ours and the least."""
