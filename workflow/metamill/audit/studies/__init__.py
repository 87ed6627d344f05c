"""Studies against each other and against their own dates."""
