"""Axes: ranges, ticks and their words, panels of two axes, which side is better."""
