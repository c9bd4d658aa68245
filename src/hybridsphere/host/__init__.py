"""The function on a private machine, behind Lambda's Invoke API."""
