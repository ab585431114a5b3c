"""Data sets that other programs wrote coming in, one module per format."""
