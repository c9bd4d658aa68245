"""The figures as rows, tables and pictures."""
