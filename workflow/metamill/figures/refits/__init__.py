"""The primary analysis on other rows: forest plots of refits, influence of single studies."""
