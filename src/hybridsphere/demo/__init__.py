"""The demo: the whole system on this machine, with its own videos and people by default."""
