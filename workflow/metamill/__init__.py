"""metamill: from extracted study tables to pooled estimates, heterogeneity and figures."""

__version__ = "0.1.0"
