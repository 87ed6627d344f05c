"""Explorations: what happens to an estimate when studies are divided or choices change."""
