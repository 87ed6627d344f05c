"""Curves that a model implies: p-value functions, the distribution of true effects."""
