"""Checks of extracted numbers before they are pooled: can they be true, and do they agree?"""
