"""The specification curve and its dashboard."""
