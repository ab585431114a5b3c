"""Folders of pictures of which some are the same or nearly so."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from tests.registry.catalog.pictures import write


def scene(seed: int, *, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A picture with broad shapes, as photographs have them; another for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, form: str = "PNG", **settings: int) -> bytes:
    """A picture as a file."""
    stream = io.BytesIO()
    picture.save(stream, form, **settings)
    return stream.getvalue()


def edited(seed: int, edit: str, *, size: tuple[int, int] = (96, 64)) -> bytes:
    """A scene as people hand it on: `jpeg`, `small`, `bright`, `cropped`; `same` is the scene."""
    picture = scene(seed, size=size)
    width, height = size
    match edit:
        case "jpeg":
            return encoded(picture, "JPEG", quality=60)
        case "small":
            return encoded(picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS))
        case "bright":
            return encoded(ImageEnhance.Brightness(picture).enhance(1.15))
        case "cropped":
            by = max(1, width // 50)
            return encoded(picture.crop((by, by, width - by, height - by)))
    return encoded(picture)


def near_products(root: Path) -> Path:
    """Eleven pictures of six scenes, two flat ones and a picture of the same pixels twice.

    Scene 1 is under flawless and, compressed, under flawed/spot; scene 2 three times under one tag;
    scene 3 as the same bytes under two brands.
    """
    flat = Image.new("RGB", (32, 32), "white")
    grey = Image.new("RGB", (32, 32), "grey")
    return write(
        root,
        {
            "weipin/qzy/flawless/a.png": edited(1, "same"),
            "weipin/qzy/flawed/spot/a2.jpg": edited(1, "jpeg"),
            "weipin/qzy/flawless/b.png": edited(2, "same"),
            "weipin/qzy/flawless/b-small.png": edited(2, "small"),
            "weipin/qzy/flawless/b-jpeg.jpg": edited(2, "jpeg"),
            "weipin/qzy/flawless/c.png": edited(3, "same"),
            "weipin/lsbr/flawless/c.png": edited(3, "same"),
            "weipin/lsbr/flawless/d.png": encoded(scene(4)),
            "weipin/lsbr/flawless/d-same.png": encoded(scene(4), compress_level=0),
            "weipin/lsbr/flawed/fold/e.png": edited(5, "same"),
            "weipin/lsbr/flawed/fold/f.png": edited(6, "same"),
            "weipin/lsbr/flawed/fold/white.png": encoded(flat),
            "weipin/lsbr/flawed/fold/grey.png": encoded(grey),
        },
    )
