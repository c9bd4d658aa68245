"""The models' files, converted once."""
