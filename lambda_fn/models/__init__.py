"""The models' files, prepared once."""
