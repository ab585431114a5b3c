"""Frozen datasets going out, one module per format."""
