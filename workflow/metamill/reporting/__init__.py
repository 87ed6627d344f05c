"""The report: pages made from results alone."""
