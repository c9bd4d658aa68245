"""Reports of the bridge about itself: logs, health, metrics."""
