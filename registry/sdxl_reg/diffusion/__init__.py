"""The mathematics of Stable Diffusion XL as functions; every trainer and grid shares them."""
