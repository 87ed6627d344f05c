"""A second extraction beside the first, cell by cell."""
