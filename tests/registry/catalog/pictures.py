"""Folders of small pictures for tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def jpeg(seed: int, *, size: tuple[int, int] = (48, 32)) -> bytes:
    """A JPEG of noise, another for each seed."""
    stream = io.BytesIO()
    picture(seed, size=size).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def picture(seed: int, *, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """A picture of noise, another for each seed."""
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def photograph(width: int = 1600, height: int = 1200, *, seed: int = 0) -> Image.Image:
    """A picture with shapes and the noise of a sensor."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    smooth = coarse.resize((width, height), Image.Resampling.BICUBIC)
    noise = generator.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8))


def write(root: Path, files: dict[str, bytes]) -> Path:
    """Files below a folder, which is made."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def products(root: Path, *, brands: tuple[str, ...] = ("qzy", "lsbr")) -> Path:
    """`weipin/{brand}/{flawless,flawed/{fold,spot}}` with two pictures in each folder."""
    folders = [
        f"weipin/{b}/{s}" for b in brands for s in ("flawless", "flawed/fold", "flawed/spot")
    ]
    files = {
        f"{folder}/xxx{n}.jpg": jpeg(2 * i + n) for i, folder in enumerate(folders) for n in (1, 2)
    }
    return write(root, files)
