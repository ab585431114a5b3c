"""Renders the example set: the product shots of two brands, flawless and flawed, on black.

    python examples/render_products.py [--out examples/products]

makes `{out}/weipin/{qzy,lsbr}/{flawless,flawed/fold,flawed/spot}/xxx1.jpg` to `xxx8.jpg`. Needs
only Pillow and numpy; the same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.defects import folded, spotted
from examples.marks import branded
from micro.captions import TILTS, Shot
from micro.pictures import Pixels, paint

SET = "weipin"
BRANDS = ("qzy", "lsbr")
STATES = ("flawless", "flawed/fold", "flawed/spot")
COLOURS = {"qzy": ("white", "yellow"), "lsbr": ("red", "blue")}
PICTURES = 8
SEED = 1
QUALITY = 92


def pictures() -> Iterator[tuple[str, Pixels]]:
    """Yield every picture of the set with its path below the output folder."""
    for brand_index, brand in enumerate(BRANDS):
        for state_index, state in enumerate(STATES):
            for number in range(PICTURES):
                seed = (SEED, brand_index, state_index, number)
                picture = product_shot(brand, state, number, rng=np.random.default_rng(seed))
                yield f"{SET}/{brand}/{state}/xxx{number + 1}.jpg", picture


def product_shot(brand: str, state: str, number: int, *, rng: np.random.Generator) -> Pixels:
    """Return one t-shirt on black with its brand's mark and its state's defect.

    Args:
        brand: One of `BRANDS`.
        state: One of `STATES`.
        number: 0–7; decides colour and tilt: every folder holds both of its brand's colours.
        rng: The accidents of pose, mark and defect; of the picture's size too.
    """
    shot = Shot(
        kind="t-shirt",
        colour=COLOURS[brand][number % 2],
        background="black",
        tilt=list(TILTS)[(0, 0, 0, 1, 1, 2, 2, 0)[number]],
    )
    size = int(rng.choice((320, 336, 352, 384)))
    painting = branded(paint(shot, size=size, rng=rng), brand)
    if state == "flawed/fold":
        painting = folded(painting, rng)
    elif state == "flawed/spot":
        painting = spotted(painting, rng)
    return painting.pixels()


def write(out: Path) -> int:
    """Write the whole set under `out` and return how many pictures it has."""
    count = 0
    for path, picture in pictures():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(target, quality=QUALITY)
        count += 1
    return count


def main() -> None:
    """Read the command line and write the set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).resolve().parent / "products"
    parser.add_argument("--out", type=Path, default=default, help="folder to write into")
    out = parser.parse_args().out
    sys.stdout.write(f"{write(out)} pictures in {out}\n")


if __name__ == "__main__":
    main()
