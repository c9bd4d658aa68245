"""The command that examines a configuration."""
