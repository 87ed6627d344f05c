"""The summary of one group: n, mean, SD, range, median and quartiles."""
