"""HybridSphere: a private cloud that puts a public one to work."""

__version__ = "0.1.0"
