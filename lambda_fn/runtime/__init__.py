"""The environment that Lambda gives the function."""
