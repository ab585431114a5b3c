"""Pictures a second of `ingest`, beside the plain loop that people write instead of it.

    python bench/ingest.py [--pictures 60] [--folder FOLDER]

The plain loop reads each file, takes its SHA-256, decodes it with Pillow and takes the perceptual
hash: one thread, no database, no copy of the bytes, no second look at anything. Ours does the same
and also stores the bytes durably, hashes the pixels, and records members, tags and captions. Both
run in this process, in turn, over the same files, which are JPEGs with the noise of a sensor:
smooth synthetic ones are three to four times too small and flatter every figure.
"""

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.imaging.likeness import phash
from sdxl_reg.imaging.scan import scan
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, prepare


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="measure on these pictures instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.folder or noisy_pictures(Path(scratch) / "pictures", options.pictures)
        measure(root, Path(scratch))


def measure(root: Path, scratch: Path) -> None:
    """Run both over a folder and print pictures a second and their ratio."""
    files = [picture.path for picture in scan(root).pictures]
    size = sum(path.stat().st_size for path in files) / 1e6
    print(f"{len(files)} pictures, {size:.0f} MB")  # noqa: T201
    engine = connect(f"sqlite:///{scratch}/registry.db")
    prepare(engine)
    store = BlobStore(scratch / "blobs")
    plain = timed("plain loop", len(files), lambda: plain_loop(files))
    ours = timed("sdxl-reg ingest", len(files), lambda: ingest(engine, store, root))
    timed("sdxl-reg ingest again", len(files), lambda: ingest(engine, store, root))
    print(f"ratio ours / plain loop: {plain / ours:.2f}")  # noqa: T201


def timed(name: str, count: int, work: Callable[[], object]) -> float:
    """Seconds that some work took, printed as pictures a second."""
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(f"{name:<24} {count / seconds:8.1f} pictures/s")  # noqa: T201
    return seconds


def plain_loop(files: list[Path]) -> list[tuple[str, int | None, tuple[int, int]]]:
    """What a script without a registry does with a folder."""
    rows = []
    for path in files:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with Image.open(path) as image:
            rows.append((digest, phash(image.convert("RGB")), image.size))
    return rows


def noisy_pictures(folder: Path, count: int) -> Path:
    """Pictures of 1600×1200 pixels as a camera makes them: shapes, a gradient, sensor noise."""
    generator = np.random.default_rng(0)
    for number in range(count):
        path = (
            folder / "weipin" / "qzy" / ("flawed" if number % 2 else "flawless") / f"{number}.jpg"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(generator.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        scene = coarse.resize((1600, 1200), Image.Resampling.BICUBIC).filter(ImageFilter.SHARPEN)
        noise = generator.normal(0, 6, (1200, 1600, 3))
        pixels = np.clip(np.asarray(scene) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)
    return folder


if __name__ == "__main__":
    main()
