"""What papers print besides the numbers that are pooled."""
