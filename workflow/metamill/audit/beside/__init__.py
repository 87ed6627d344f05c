"""Rows beside those of other studies, and numbers that look odd."""
