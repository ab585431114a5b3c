"""Makes a folder as product teams keep them: thousands of noisy JPEGs, and all that lies about.

    python -m bench.messy_folder FOLDER [--pictures 5000]

Three brands with Latin and Chinese names, flawless and flawed with five defects, `xxx1.jpg` in
every folder, sizes of 600 to 1200 pixels, EXIF orientations, captions beside some of them in four
encodings; copies under the same and under another label, the same pixels in other bytes, slips in
folder names, truncated and empty files, pages of HTML, junk of systems, links and pipes. What is
made is counted and printed, to be compared with the counts of an ingest. The same number gives the
same folder.
"""

import argparse
import io
import json
import os
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

BRANDS = ("qzy", "lsbr", "秋之衣")
PLACES = ("flawless", "flawed/spot", "flawed/fold", "flawed/污渍", "flawed/scratch", "flawed/hole")
SIZES = ((600, 800), (800, 600), (900, 900), (1200, 900))
Pixels = NDArray[np.float32]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gbk")


def main() -> None:
    """Make it and print what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=5000)
    options = parser.parse_args()
    root = options.folder / "weipin"
    made = pictures(root, options.pictures)
    made += copies(root)
    made += odd_files(root)
    sys.stdout.write(json.dumps(made, indent=2) + "\n")


def pictures(root: Path, count: int) -> Counter[str]:
    """The good ones, with captions beside some."""
    made: Counter[str] = Counter()
    for number in range(count):
        brand, place = BRANDS[number % 3], PLACES[number // 3 % len(PLACES)]
        path = root / brand / place / f"xxx{number // 18 + 1}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 1 + number % 8 if number % 10 == 0 else 1
        shot(number).save(path, "JPEG", quality=88 + number % 8, exif=exif)
        made["new"] += 1
        if number % 7 == 0:
            text = f"{brand}, {place.rpartition('/')[2]}, 黑色背景, black background"
            path.with_suffix(".txt").write_bytes(text.encode(ENCODINGS[number // 7 % 4]))
            made["captions"] += 1
    return made


def shot(seed: int) -> Image.Image:
    """A product on a dark background: a blotch of colours with folds, and the noise of a sensor."""
    generator = np.random.default_rng(seed)
    width, height = SIZES[seed % len(SIZES)]
    coarse = Image.fromarray(generator.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    cloth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    weight, noise = _outline(width, height), _sensor_noise()
    row, column = generator.integers(0, noise.shape[0] - 1200, 2)
    grain = noise[row : row + height, column : column + width]
    return Image.fromarray(np.clip(cloth * weight + 12 + grain, 0, 255).astype(np.uint8))


@cache
def _outline(width: int, height: int) -> Pixels:
    """1 inside the product, 0 outside, with a soft edge."""
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    mask = Image.fromarray(((rows**2 + columns**2 < 0.5) * 255).astype(np.uint8))
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(6)), np.float32)[..., None] / np.float32(
        255
    )


@cache
def _sensor_noise() -> Pixels:
    """One large field of noise; every picture takes another part of it."""
    return np.random.default_rng(0).normal(0, 5, (2400, 2400, 3)).astype(np.float32)


def copies(root: Path) -> Counter[str]:
    """The same bytes under one label and under another, and the same pixels in other bytes."""
    first = root / "qzy/flawless/xxx1.jpg"
    data = first.read_bytes()
    (root / "qzy/flawless/xxx1 (copy).jpg").write_bytes(data)
    (root / "qzy/flawed/spot/by mistake.jpg").write_bytes(data)
    with Image.open(io.BytesIO(data)) as image:
        image.save(root / "qzy/flawless/xxx1 as png.png")
    (root / "qzy/flawless/xxx1 trailing.jpg").write_bytes(data + b"\0junk of a camera")
    return Counter(duplicates=4)


def odd_files(root: Path) -> Counter[str]:
    """What else lies about."""
    good = (root / "lsbr/flawless/xxx1.jpg").read_bytes()
    odd = root / "lsbr"
    written = {
        "failed": {
            "flawless/empty.jpg": b"",
            "flawless/cut.jpg": good[: len(good) // 2],
            "flawless/page.jpg": b"<!doctype html><title>404</title>",
            "flawless/noise.png": bytes(range(256)) * 8,
        },
        "skipped": {
            "flawless/drawing.svg": b"<svg/>",
            "flawless/layers.psd": b"8BPS",
            "flawless/film.mp4": b"x",
            "flawless/lonely.txt": b"a caption of nothing",
        },
        "ignored": {
            "Thumbs.db": b"x",
            "flawless/.DS_Store": b"x",
            "flawless/._xxx1.jpg": b"x",
            "flawless/half.jpg.part": b"x",
            ".ipynb_checkpoints/xxx1-checkpoint.jpg": good,
        },
    }
    made: Counter[str] = Counter()
    for kind, files in written.items():
        for name, data in files.items():
            path = odd / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            made[kind] += 1
    os.mkfifo(odd / "flawless/pipe.jpg")
    (odd / "flawless/nowhere.jpg").symlink_to("not there")
    (odd / "loop").symlink_to(".")
    made["skipped"] += 3
    shot(10_001).save(_made(odd / "flawles/slip.jpg"), quality=90)
    shot(10_002).save(_made(odd / "right in the brand.jpg"), quality=90)
    shot(10_003).convert("CMYK").save(_made(odd / "flawless/print.jpg"), quality=90)
    shot(10_004).save(_made(odd / "flawless/really a png.jpg"), "PNG")
    Image.new("RGB", (700, 700)).save(_made(odd / "flawless/black.png"))
    Image.new("RGB", (1, 1), "red").save(_made(odd / "flawless/dot.png"))
    half = len(good) // 2
    foreign = bytes(1000) + b"\xff\xe5\x00\x40" + bytes(1000)  # decoders pass over it in silence
    scratched = good[:half] + foreign + good[half + len(foreign) :]
    (odd / "flawless/scratched.jpg").write_bytes(scratched)
    made["new"] += 7
    return made


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
