"""Where a picture is called blurred, dark, bright, flat, small or a strip."""

BLURRED_BELOW = 12.0  # variance of the Laplacian of the small picture
DARK_BELOW = 24.0  # mean of the grey values, 0…255
BRIGHT_ABOVE = 235.0
FLAT_BELOW = 4.0  # standard deviation of the grey values
SMALL_BELOW = 512  # pixels of the shorter side
STRIP_ABOVE = 4.0  # longer side : shorter side
