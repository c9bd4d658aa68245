"""The whole system on this machine, with videos and people of its own if it is given none."""
