"""How the bridge reports on itself: logs, health, metrics."""
