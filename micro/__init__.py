"""The micro base: a Stable Diffusion XL of genuine shape and tiny size, rendered and trained here."""
