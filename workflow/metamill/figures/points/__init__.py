"""Plots with a mark for each study between two axes."""
