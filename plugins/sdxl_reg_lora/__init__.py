"""Low-rank adapters (LoRA) for Stable Diffusion XL."""
