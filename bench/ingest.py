"""Ingest beside what others do with the same files: imagededup, and bare decoding by Pillow.

    pip install scikit-learn PyWavelets matplotlib; pip install --no-deps imagededup
    python bench/ingest.py [--pictures 240] [--rounds 3]      1 and 2 megapixels, beside imagededup
    python bench/ingest.py --large [--pictures 200]           12 megapixels, beside bare decoding
    python bench/ingest.py --unchanged 1000000                again, when nothing has changed

Ours reads, hashes, decodes and judges each file, writes a thumbnail, keeps the bytes durably and
records members, tags and captions. imagededup decodes and hashes, with a process for each core.
Bare Pillow decodes in draft mode with two threads and keeps nothing. All run in turn over the same
files in one go: JPEGs with the noise of a sensor, because smooth synthetic ones are three to four
times too small and flatter every figure.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from sqlalchemy import Engine, insert, select

from bench.imagededup_alone import perceptual_hash
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.catalog.ingest_folders import read_folder
from sdxl_reg.catalog.ingest_plan import PlannedPicture, plan_ingest
from sdxl_reg.catalog.intake import SetIntake
from sdxl_reg.catalog.set_memory import FolderDone, folder_facts
from sdxl_reg.catalog.totals import refresh_totals
from sdxl_reg.imaging.scan import scan
from sdxl_reg.imaging.sidecars import SidecarReader
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, prepare, transaction
from sdxl_reg.tables import Member

SMALL = ((1200, 900), (1600, 1200))
LARGE = ((4000, 3000),)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pictures", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--unchanged", type=int, metavar="FILES")
    parser.add_argument("--folder", type=Path, help="measure on these pictures instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.unchanged:
            again(Path(scratch), options.unchanged)
            return
        sizes, count = (LARGE, 200) if options.large else (SMALL, 240)
        root = options.folder or noisy_pictures(
            Path(scratch) / "pictures", options.pictures or count, sizes
        )
        peer = (
            (bare_decoding, "bare draft decoding, 2 threads")
            if options.large
            else (imagededup, "imagededup, phash alone")
        )
        compare(root, Path(scratch), *peer, rounds=options.rounds)


def compare(
    root: Path, scratch: Path, peer: Callable[[Path], object], name: str, *, rounds: int
) -> None:
    """Run ours, copying and linking, and a peer in turn, and print medians and ratios."""
    files = scan(root).pictures
    size = sum(file.size_bytes for file in files) / 1e6
    say(f"{len(files)} pictures, {size:.0f} MB; seconds in {rounds} rounds")
    works: dict[str, Callable[[], float]] = {
        name: lambda: timed(lambda: peer(root)),
        "ours, copying": lambda: afresh(scratch, root, link=False),
        "ours, linking": lambda: afresh(scratch, root, link=True),
    }
    seconds: dict[str, list[float]] = {work: [] for work in works}
    for _ in range(rounds):
        for work, function in works.items():
            seconds[work].append(function())
    medians = {work: statistics.median(values) for work, values in seconds.items()}
    for work, median in medians.items():
        rate, ratio = len(files) / median, medians[name] / median
        each = ", ".join(f"{value:.2f}" for value in seconds[work])
        say(f"{work:<32} {rate:7.1f} pictures/s   ratio {ratio:.2f}   ({each})")


def again(scratch: Path, count: int) -> None:
    """Ingest a catalogue of small files of which the registry has every row, three times."""
    root = scratch / "many"
    started = time.perf_counter()
    tiny_pictures(root, count)
    say(f"{count:,} files made in {time.perf_counter() - started:.0f} s")
    engine = connect(f"sqlite:///{scratch}/registry.db")
    prepare(engine)
    store = BlobStore(scratch / "blobs")
    started = time.perf_counter()
    remember(engine, store, root)
    say(f"their rows written in {time.perf_counter() - started:.0f} s")
    for _ in range(3):
        started = time.perf_counter()
        report = ingest(engine, store, root, options=IngestOptions(as_name="many", link=True))
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say(
            f"again {seconds:6.1f} s   {report.unchanged:>9,} unchanged, {report.new} new"
            f"   peak of the process {peak:.0f} MiB"
        )


def remember(engine: Engine, store: BlobStore, root: Path) -> None:
    """Rows as an ingest of the whole folder leaves them; only its first folder is really ingested.

    Reading a million files for the first time takes the better part of an hour, and is not what is
    measured here.
    """
    options = IngestOptions(as_name="many", link=True)
    aside = root.parent / "aside"
    folders = sorted(root.glob("*/*/*"))
    for folder in folders[1:]:
        folder.rename(aside.with_name(f"{folder.name} aside"))
    ingest(engine, store, root, options=options)
    for folder in folders[1:]:
        aside.with_name(f"{folder.name} aside").rename(folder)
    plan = plan_ingest(root, options)
    intake = SetIntake(engine, store, plan, plan.sets[0], options)
    reader = SidecarReader()
    for planned in plan.sets[0].folders:
        if intake.passed_over(planned) is not None:
            continue
        found = read_folder(plan, planned, reader)
        with transaction(engine) as session:
            first = session.scalars(select(Member).limit(1)).one()
            rows = [_member_row(first, picture) for picture in found.pictures]
            if rows:
                session.execute(insert(Member), rows)
        intake.record([], [FolderDone(planned=planned, facts=folder_facts(found, []))])
    with transaction(engine) as session:
        refresh_totals(session, find_image_set(session, "many"))


def _member_row(first: Member, picture: PlannedPicture) -> dict[str, object]:
    return {
        "image_set_id": first.image_set_id,
        "image_id": first.image_id,
        "source_path": picture.source_path,
        "folder": picture.source_path.rpartition("/")[0],
        "source_size": picture.file.size_bytes,
        "source_mtime_ns": picture.file.mtime_ns,
        "source_inode": picture.file.inode,
        "state": first.state,
        "added_at": first.added_at,
        "seen_at": first.seen_at,
    }


def afresh(scratch: Path, root: Path, *, link: bool) -> float:
    """Seconds of an ingest into an empty registry, whose tables are there already."""
    home = Path(tempfile.mkdtemp(dir=scratch))
    engine = connect(f"sqlite:///{home}/registry.db")
    prepare(engine)
    options = IngestOptions(as_name="bench", link=link)
    store, thumbnails = BlobStore(home / "blobs"), home / "thumbnails"
    seconds = timed(lambda: ingest(engine, store, root, options=options, thumbnails=thumbnails))
    engine.dispose()
    return seconds  # what it made stays until the end: ext4 is slow where much was just deleted


def imagededup(root: Path) -> object:
    """The peer's hashes of a folder, with a process for each core."""
    return perceptual_hash().encode_images(image_dir=root, recursive=True)


def bare_decoding(root: Path) -> None:
    """Every picture decoded as small as the decoder can while 256 pixels remain, then dropped."""

    def decode(path: Path) -> None:
        with Image.open(path) as image:
            image.draft("RGB", (256, 256))
            image.load()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(decode, [file.path for file in scan(root).pictures]))


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def noisy_pictures(folder: Path, count: int, sizes: tuple[tuple[int, int], ...]) -> Path:
    """Pictures as a camera makes them: shapes, a gradient, sensor noise."""
    generator = np.random.default_rng(0)
    for number in range(count):
        width, height = sizes[number % len(sizes)]
        path = folder / "qzy" / ("flawed" if number % 2 else "flawless") / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(generator.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        scene = coarse.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.SHARPEN)
        noise = generator.normal(0, 6, (height, width, 3))
        pixels = np.clip(np.asarray(scene) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)
    return folder


def tiny_pictures(folder: Path, count: int) -> None:
    """Different pictures of a few pixels, a thousand to a folder, as PNM: made in no time."""
    for number in range(count):
        brand, lot = number // 100_000, number // 1_000
        path = folder / f"brand{brand}" / "flawless" / f"lot{lot}"
        if number % 1_000 == 0:
            path.mkdir(parents=True)
        pixels = np.random.default_rng(number).bytes(48)
        (path / f"{number}.ppm").write_bytes(b"P6 4 4 255\n" + pixels)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
