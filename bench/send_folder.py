"""A folder of pictures sent to a server and ingested there, beside an ingest where it lies.

    python bench/send_folder.py [--pictures 1000] [--rounds 2]

Both are commands in processes of their own, over SQLite and the same disk, each round with pictures
that neither has seen; then both once more, unchanged. The server's peak of memory is the system's
word.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.ingest import noisy_pictures
from bench.serving import say, served
from bench.transfer import peak_mib

_SIZES = ((1200, 900), (1024, 1024), (900, 1200))


def main() -> None:
    """Measure, and print one line a thing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    took: dict[str, list[float]] = {"here": [], "there": [], "here again": [], "there again": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        root = noisy_pictures(folder / "shots", options.pictures, _SIZES)
        size = sum(path.stat().st_size for path in root.rglob("*.jpg"))
        say(f"{options.pictures} pictures, {size / 1e6:.0f} MB")
        for number in range(options.rounds):
            _round(folder / f"round-{number}", root, took)
    for name, seconds in took.items():
        say(f"{name}: {statistics.median(seconds):.1f} s")
    for kind in ("", " again"):
        ratio = statistics.median(took[f"there{kind}"]) / statistics.median(took[f"here{kind}"])
        say(f"there beside here{kind}: {ratio:.2f}")


def _round(folder: Path, root: Path, took: dict[str, list[float]]) -> None:
    """Both, each in an empty registry, in turn."""
    own, home = folder / "own", folder / "served"
    home.mkdir(parents=True)
    with served(home, f"sqlite:///{home}/registry.db") as (address, pid):
        before = peak_mib(pid)
        for again in ("", " again"):
            took[f"here{again}"].append(_ingested(root, {"SDXL_REG_HOME": str(own)}))
            took[f"there{again}"].append(_ingested(root, {"SDXL_REG_SERVER": address}))
        say(f"peak memory of the server: {peak_mib(pid):.0f} MiB, {before:.0f} at rest")


def _ingested(root: Path, environment: dict[str, str]) -> float:
    """Seconds of the command."""
    command = [str(Path(sys.executable).with_name("sdxl-reg")), "ingest", str(root)]
    words = ["--as", "shots", "--yes", "--json"]
    started = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own command
        [*command, *words], env={**os.environ, **environment}, check=True, capture_output=True
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
