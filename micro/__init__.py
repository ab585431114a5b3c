"""The micro base: a tiny Stable Diffusion XL of genuine shape, rendered and trained here."""
