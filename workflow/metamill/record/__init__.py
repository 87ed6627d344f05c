"""The record of a run: hashes, the published lock file, and independent recomputation."""
