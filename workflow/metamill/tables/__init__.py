"""Extracted tables: bytes -> cells with their places -> checked rows -> the rows of one outcome."""
