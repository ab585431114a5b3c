"""Grids: planned, rendered, scored and picked."""
