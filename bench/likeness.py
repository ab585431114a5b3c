"""Near-duplicates among a million perceptual hashes, beside other programs' exact search.

    python bench/likeness.py [--hashes N] [--peer N] [--small N] [--rounds 3] [--edits]

Nine in ten hashes are random, one in ten is another one with up to four bits changed. The peers
search as many hashes as they can in reasonable time, and ours the same ones beside them: imagededup
0.3.3 (its BK-tree, and its own brute force in C), FAISS' IndexBinaryFlat and IndexBinaryMultiHash;
those that are not installed are left out. All must find the same number of pairs. With `--edits` it
says instead how many edited pictures stay within 4 bits of their original.
"""

import argparse
import io
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from bench.imagededup_alone import perceptual_hash
from bench.ingest import noisy_pictures
from sdxl_reg.imaging.clusters import NEAR, clusters, near_pairs
from sdxl_reg.imaging.likeness import hamming, phash
from sdxl_reg.imaging.near_pairs import Hashes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--peer", type=int, default=100_000, help="hashes that FAISS searches")
    parser.add_argument("--small", type=int, default=5_000, help="hashes for imagededup")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--edits", action="store_true", help="measure the hash, not the search")
    options = parser.parse_args()
    if options.edits:
        measure_edits()
        return
    measure_all(options.hashes, options.rounds)
    measure_peers(options.peer, options.rounds, of_faiss())
    measure_peers(options.small, options.rounds, of_imagededup())


def measure_all(count: int, rounds: int) -> None:
    """Seconds for the clusters of many hashes, and the peak memory of the whole process."""
    for name, hashes in (("random", scattered(count)), ("uneven bits", uneven(count))):
        before, started = peak_mib(), time.process_time()
        seconds = [timed(lambda: clusters(hashes)) for _ in range(rounds)]  # noqa: B023
        processor = (time.process_time() - started) / rounds
        found = len(hashes) - len(np.unique(clusters(hashes)))
        say(
            f"{count} hashes, {name}: {shown(seconds)}, {processor:.2f} s of a processor, "
            f"{found} in a cluster of another; peak memory {before:.0f} → {peak_mib():.0f} MiB"
        )


def measure_peers(count: int, rounds: int, peers: dict[str, Callable[[Hashes], int]]) -> None:
    """Seconds for all near pairs of fewer hashes, ours and the peers'."""
    if not peers:
        return
    hashes = scattered(count)
    ours = [timed(lambda: near_pairs(hashes)) for _ in range(rounds)]
    pairs = len(near_pairs(hashes).left)
    say(f"{count} hashes, all near pairs, ours: {shown(ours)}, {pairs} pairs")
    for name, search in peers.items():
        seconds, found = [], 0
        for _ in range(rounds):
            started = time.perf_counter()
            found = search(hashes)
            seconds.append(time.perf_counter() - started)
        ratio = statistics.median(seconds) / statistics.median(ours)
        say(f"  {name}: {shown(seconds)}, {found} pairs; ours is {ratio:.1f} times as fast")
        if found != pairs:
            say("  NOT THE SAME PAIRS")


def of_imagededup() -> dict[str, Callable[[Hashes], int]]:
    """The searches of imagededup, if it is installed."""
    if not find_spec("imagededup"):
        return {}
    perceptual_hash()  # stands in for the neural half, which its own start would import
    from imagededup.handlers.search.bktree import BKTree
    from imagededup.handlers.search.brute_force_cython import BruteForceCython

    def searching(search: Any) -> Callable[[Hashes], int]:
        def pairs(hashes: Hashes) -> int:
            texts = {str(number): f"{int(value):016x}" for number, value in enumerate(hashes)}
            index = search(texts, _hamming_of_texts)
            found = sum(len(index.search(query=text, tol=NEAR)) for text in texts.values())
            return (found - len(texts)) // 2

        return pairs

    return {
        "imagededup BK-tree": searching(BKTree),
        "imagededup brute force (C)": searching(BruteForceCython),
    }


def of_faiss() -> dict[str, Callable[[Hashes], int]]:
    """The exact searches of FAISS, if it is installed."""
    if not find_spec("faiss"):
        return {}
    return {"FAISS IndexBinaryFlat": _faiss_flat, "FAISS IndexBinaryMultiHash": _faiss_multi}


def _hamming_of_texts(left: str, right: str) -> int:
    return (int(left, 16) ^ int(right, 16)).bit_count()


def _faiss_flat(hashes: Hashes) -> int:
    import faiss

    return _faiss_pairs(faiss.IndexBinaryFlat(64), hashes)


def _faiss_multi(hashes: Hashes) -> int:
    import faiss

    index = faiss.IndexBinaryMultiHash(64, 4, 16)  # 4 tables of 16 bits
    index.nflip = 1  # of 4 differing bits, one band has at most one: exact
    return _faiss_pairs(index, hashes)


def _faiss_pairs(index: Any, hashes: Hashes) -> int:
    import faiss

    faiss.omp_set_num_threads(2)
    rows = hashes.view(np.uint8).reshape(-1, 8)
    index.add(rows)
    found = 0
    for start in range(0, len(rows), 10_000):
        limits, _, _ = index.range_search(rows[start : start + 10_000], NEAR + 1)  # it means <
        found += int(limits[-1])
    return (found - len(rows)) // 2


def scattered(count: int) -> Hashes:
    """Random hashes, of which one in ten is another one with up to four bits changed."""
    generator = np.random.default_rng(0)
    first = generator.integers(0, 2**64 - 1, count - count // 10, dtype=np.uint64, endpoint=True)
    return _with_near(first, count, generator)


def uneven(count: int) -> Hashes:
    """The same, but each bit is 1 in seven of ten hashes: many share the values of a band."""
    generator = np.random.default_rng(1)
    first = np.zeros(count - count // 10, dtype=np.uint64)
    for bit in range(64):
        first |= (generator.random(len(first)) < 0.7).astype(np.uint64) << np.uint64(bit)
    return _with_near(first, count, generator)


def _with_near(first: Hashes, count: int, generator: np.random.Generator) -> Hashes:
    second = first[generator.integers(0, len(first), count - len(first))]
    for _ in range(NEAR):
        second = second ^ (np.uint64(1) << generator.integers(0, 64, len(second), dtype=np.uint64))
    return generator.permutation(np.concatenate([first, second]))


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG of quality 60": lambda picture: _as_jpeg(picture, 60),
    "JPEG of quality 30": lambda picture: _as_jpeg(picture, 30),
    "half as large": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "a quarter as large": lambda picture: picture.resize((picture.width // 4, picture.height // 4)),
    "15 % brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.15),
    "20 % less contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
    "cropped by 0.5 % a side": lambda picture: _cropped(picture, 0.005),
    "cropped by 1 % a side": lambda picture: _cropped(picture, 0.01),
    "cropped by 2 % a side": lambda picture: _cropped(picture, 0.02),
    "cropped by 5 % a side": lambda picture: _cropped(picture, 0.05),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def measure_edits() -> None:
    """How many edited pictures stay within 4, 8 and 10 bits of their original."""
    with tempfile.TemporaryDirectory() as folder:
        paths = sorted(noisy_pictures(Path(folder), 40, ((1600, 1200),)).rglob("*.jpg"))
        originals = [Image.open(path).convert("RGB") for path in paths]
    for name, edit in EDITS.items():
        apart = np.array([_bits_between(one, edit(one)) for one in originals])
        within = ", ".join(f"≤ {most}: {np.mean(apart <= most):.0%}" for most in (4, 8, 10))
        say(f"{name:<26} {within}; median {np.median(apart):.0f} bits")


def _bits_between(one: Image.Image, other: Image.Image) -> int:
    left, right = phash(one), phash(other)
    return 64 if left is None or right is None else hamming(left, right)


def _as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def _cropped(picture: Image.Image, share: float) -> Image.Image:
    width, height = picture.size
    by = (round(width * share), round(height * share))
    return picture.crop((*by, width - by[0], height - by[1]))


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def shown(seconds: list[float]) -> str:
    """The median, and the range."""
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f}…{max(seconds):.2f})"


def peak_mib() -> float:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(text: str) -> None:
    """A line of the result."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
