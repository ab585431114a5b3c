"""A face, drawn plainly enough for a cascade of Haar features."""

from PIL import Image, ImageDraw, ImageFilter


def drawn_face(
    size: tuple[int, int] = (400, 400), *, at: tuple[int, int] = (250, 180), radius: int = 60
) -> Image.Image:
    """A grey picture with a face whose middle is at a place."""
    picture = Image.new("RGB", size, (90, 90, 100))
    pen = ImageDraw.Draw(picture)

    def spot(x: float, y: float, wide: float, tall: float, colour: tuple[int, int, int]) -> None:
        left, top = at[0] + radius * (x - wide), at[1] + radius * (y - tall)
        right, bottom = at[0] + radius * (x + wide), at[1] + radius * (y + tall)
        pen.ellipse((left, top, right, bottom), fill=colour)

    spot(0, 0, 0.82, 1.15, (50, 35, 25))  # hair
    spot(0, 0.1, 0.74, 1.0, (215, 180, 155))
    for side in (-1, 1):
        spot(0.33 * side, -0.22, 0.24, 0.13, (130, 95, 80))
        spot(0.33 * side, -0.2, 0.14, 0.07, (60, 40, 35))
        spot(0.33 * side, -0.42, 0.2, 0.05, (60, 40, 30))
        spot(0.5 * side, 0.2, 0.15, 0.15, (230, 195, 170))
    spot(0, 0.1, 0.08, 0.28, (235, 205, 180))
    spot(0, 0.58, 0.28, 0.08, (140, 70, 70))
    return picture.filter(ImageFilter.GaussianBlur(radius * 0.03))
