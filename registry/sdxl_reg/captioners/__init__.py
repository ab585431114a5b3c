"""Captioners: models that look at a picture and say what is on it, found by entry point."""
