"""A registry of image sets and trained Stable Diffusion XL artifacts, with lineage."""

__version__ = "0.1.0"
