"""Attendance sheets: a row a student, a column a session."""
