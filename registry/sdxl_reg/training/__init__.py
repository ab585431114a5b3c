"""What every denoising trainer shares: data, objective, optimiser, exact resume, and the loop."""
