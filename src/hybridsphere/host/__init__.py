"""The function on a machine of one's own, behind Lambda's Invoke API."""
