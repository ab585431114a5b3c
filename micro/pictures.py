"""Painting a shot: its product in its pose, with soft shadow, shaped shading and highlights.

Only Pillow and numpy; the same shot, size and seed give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from micro.captions import BACKGROUNDS, COLOURS, FRAMINGS, TILTS, Shot
from micro.shapes import RGB, Part, Points, parts_of

Plane = NDArray[np.float32]
"""Height × width."""
Pixels = NDArray[np.uint8]
"""Height × width × 3, sRGB."""

SUPERSAMPLING = 4
LIGHT = np.array([-0.42, -0.5, 0.76], dtype=np.float32)
"""Direction to the light: from the upper left, in front."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where the product stands: centre in the unit square, half its extent, angle in degrees."""

    centre: tuple[float, float]
    scale: float
    angle: float

    def to_pixels(self, points: Points, size: int) -> Points:
        """Map product coordinates to pixels of a square picture `size` wide."""
        angle = np.radians(self.angle)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        placed: Points = (np.array(self.centre) + (points @ turn) * self.scale / 2) * size
        return placed

    def own_coordinates(self, size: int) -> tuple[Plane, Plane]:
        """Return the product's own (x, y) at every pixel."""
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size
        dx = (axis - self.centre[0])[None, :] * (2 / self.scale)
        dy = (axis - self.centre[1])[:, None] * (2 / self.scale)
        cos, sin = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        x, y = dx * cos + dy * sin, dy * cos - dx * sin
        return x.astype(np.float32), y.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Painting:
    """A picture in the making, open to later strokes in the product's own coordinates.

    Attributes:
        light: Linear mix of colours, height × width × 3, 0–1.
        mask: Where the product is, 0–1.
        x: The product's own x at every pixel.
        y: The product's own y at every pixel.
        pose: Where the product stands.
    """

    light: NDArray[np.float32]
    mask: Plane
    x: Plane
    y: Plane
    pose: Pose

    def mixed(self, colour: NDArray[np.float32], cover: Plane) -> Painting:
        """Return the painting with a colour laid over it where `cover` (0–1) says."""
        return replace(self, light=self.light + cover[..., None] * (colour - self.light))

    def inside(self, distance: Plane) -> Plane:
        """Return how much of each pixel (0–1) lies inside a form, on the product only.

        Args:
            distance: Signed distance to the form's edge in product units, below 0 inside.
        """
        pixel = 2 / (self.pose.scale * self.x.shape[0])
        cover: Plane = np.clip(0.5 - distance / pixel, 0, 1).astype(np.float32) * self.mask
        return cover

    def shaded(self, factor: Plane) -> Painting:
        """Return the painting with the product's brightness multiplied by `factor`."""
        return replace(self, light=self.light * (1 + self.mask * (factor - 1))[..., None])

    def pixels(self) -> Pixels:
        """Return the picture as bytes."""
        rounded: Pixels = (self.light.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        return rounded


def paint(shot: Shot, *, size: int, rng: np.random.Generator) -> Painting:
    """Paint a shot and leave it open for marks.

    Args:
        shot: What to show.
        size: Width and height in pixels.
        rng: Small accidents: place, angle, tone, wrinkles.
    """
    pose = pose_of(shot, rng)
    colour = _varied(COLOURS[shot.colour], rng, spread=0.045)
    parts = parts_of(shot.kind)
    x, y = pose.own_coordinates(size)
    masks = [_mask(pose.to_pixels(part.outline, size), size) for part in parts]
    mask = np.maximum.reduce(masks)
    light = _backdrop(shot.background, size, rng)
    light = light * (1 - 0.5 * _shadow(mask, size))[..., None]
    painting = Painting(light=light, mask=mask, x=x, y=y, pose=pose)
    for part, cover in zip(parts, masks, strict=True):
        base = colour if part.paint is None else np.asarray(part.paint, dtype=np.float32) / 255
        shade, gloss = _shading(part, painting, cover, rng)
        surface = base * (part.tint * shade)[..., None] + gloss[..., None]
        painting = painting.mixed(surface.astype(np.float32), cover)
    return painting


def pose_of(shot: Shot, rng: np.random.Generator) -> Pose:
    """Return a shot's pose with small accidents of place, size and angle."""
    slack = 0.035
    return Pose(
        centre=(0.5 + rng.uniform(-slack, slack), 0.5 + rng.uniform(-slack, slack)),
        scale=FRAMINGS[shot.framing] * rng.uniform(0.94, 1.06),
        angle=TILTS[shot.tilt] + rng.uniform(-4, 4),
    )


def as_light(colour: RGB) -> NDArray[np.float32]:
    """Return a colour of bytes (0–255) as light (0–1)."""
    return (np.asarray(colour) / 255).astype(np.float32)


def blurred(plane: Plane, radius: float) -> Plane:
    """Blur a plane with about a Gaussian of `radius` pixels: three running means each way."""
    reach = max(1, round(radius))
    for axis in (0, 1, 0, 1, 0, 1):
        plane = _running_mean(plane, reach, axis=axis)
    return plane


def _running_mean(plane: Plane, reach: int, *, axis: int) -> Plane:
    """Average each value with `reach` neighbours on both sides, edges repeated."""
    padding = [(0, 0), (0, 0)]
    padding[axis] = (reach + 1, reach)
    sums = np.pad(plane, padding, mode="edge").cumsum(axis=axis, dtype=np.float64)
    width, count = 2 * reach + 1, plane.shape[axis]
    totals = sums.take(range(width, width + count), axis) - sums.take(range(count), axis)
    mean: Plane = (totals / width).astype(np.float32)
    return mean


def _mask(outline: Points, size: int) -> Plane:
    """Fill a polygon with smooth edges."""
    image = Image.new("L", (size * SUPERSAMPLING, size * SUPERSAMPLING))
    corners = [(float(px), float(py)) for px, py in outline * SUPERSAMPLING]
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return (np.asarray(image.reduce(SUPERSAMPLING)) / 255).astype(np.float32)


def _backdrop(name: str, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a seamless backdrop: its colour, a little brighter at the top left."""
    colour = _varied(BACKGROUNDS[name], rng, spread=0.02)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    falloff = 1 - 0.05 * (axis[:, None] + 0.4 * axis[None, :])
    return (colour * falloff[..., None]).astype(np.float32)


def _shadow(mask: Plane, size: int) -> Plane:
    """Return the soft shadow of a mask, thrown to the lower right, 0–1."""
    shift = max(1, round(0.03 * size))
    thrown = np.zeros_like(mask)
    thrown[shift:, shift:] = mask[:-shift, :-shift]
    return blurred(thrown, 0.035 * size)


def _shading(
    part: Part, painting: Painting, cover: Plane, rng: np.random.Generator
) -> tuple[Plane, Plane]:
    """Return the brightness factor and the added highlight of one part."""
    still = np.zeros_like(cover)
    if part.finish == "flat":
        return 1.0 - 0.07 * (painting.x + painting.y), still
    if part.finish == "cylinder":
        return _round_shading(part, painting)
    size = cover.shape[0]
    if part.finish == "pillow":
        height = blurred(cover, 0.1 * size * painting.pose.scale) * 0.8
        return _relief(height * size * painting.pose.scale), still
    height = blurred(cover, 0.03 * size * painting.pose.scale) * 0.1
    height = (height + _wrinkles(painting, rng)) * size * painting.pose.scale
    return _relief(height.astype(np.float32)), still


def _round_shading(part: Part, painting: Painting) -> tuple[Plane, Plane]:
    """Shade an upright cylinder as wide as the part, with a strip of gloss."""
    left, right = part.outline[:, 0].min(), part.outline[:, 0].max()
    across = ((2 * painting.x - (left + right)) / (right - left)).clip(-1, 1)
    facing = np.sqrt(1 - 0.96 * across**2)
    lambert = (-0.5 * across + 0.86 * facing).clip(0, 1)
    gloss = 0.3 * np.exp(-(((across + 0.5) / 0.13) ** 2))
    return (0.32 + 0.78 * lambert).astype(np.float32), gloss.astype(np.float32)


def _relief(height: Plane) -> Plane:
    """Shade a height field (in pixels) by Lambert's law; level ground keeps its colour."""
    slope_y, slope_x = np.gradient(height)
    lambert = (LIGHT[2] - LIGHT[0] * slope_x - LIGHT[1] * slope_y) / np.sqrt(
        1 + slope_x**2 + slope_y**2
    )
    shade: Plane = (0.25 + 0.75 * (lambert / LIGHT[2]).clip(0, 1.5)).astype(np.float32)
    return shade


def _wrinkles(painting: Painting, rng: np.random.Generator) -> Plane:
    """Return the shallow waves of cloth lying flat, in product units."""
    waves = np.zeros_like(painting.x)
    for _ in range(3):
        angle, pace, phase = rng.uniform(0, np.pi), rng.uniform(2, 6), rng.uniform(0, 6.3)
        along = painting.x * np.cos(angle) + painting.y * np.sin(angle)
        waves += rng.uniform(0.3, 1.0) * np.sin(pace * along + phase) / pace
    return (0.035 * waves).astype(np.float32)


def _varied(colour: tuple[int, int, int], rng: np.random.Generator, *, spread: float) -> Plane:
    """Return a colour as floats with a small accident of tone."""
    tone = np.asarray(colour, dtype=np.float32) / 255 * rng.uniform(1 - spread, 1 + spread)
    varied: Plane = (tone + rng.uniform(-spread, spread, 3) * 0.25).astype(np.float32)
    return varied
