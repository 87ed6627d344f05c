"""The forest plot: rows, columns, shapes and pages."""
