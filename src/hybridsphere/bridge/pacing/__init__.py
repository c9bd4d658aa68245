"""How often and how many: back-off, circuit, limit."""
