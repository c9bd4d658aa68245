"""An AWS account on this machine, for development and tests."""
