"""Side by side: what the usual way costs, and what ours does, in one run on one machine."""
