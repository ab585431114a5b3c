"""A hundred readers of one server at once, while pictures are ingested and a LoRA is trained.

    python bench/readers.py [--readers 100] [--pictures 400] [--seconds 60]

A set of pictures is ingested and frozen, and a LoRA is trained for a step, so that there is
something to read. Then so many clients, each on a connection of its own, ask one server for lists,
documents, lineages and pages in an order of their own without a pause; in the meantime another set
is ingested and the LoRA is trained again, each by its command in a process of its own, over and
over until the time is over. Any answer but 200 is an error, and so is none, or a command that
fails.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.ingest import noisy_pictures
from bench.serving import say, served

_SETTINGS = """
rank = 4
max_train_steps = 2
train_batch_size = 1
seed = 1
"""
_SIZES = ((640, 480), (480, 640))
_ROUTES = (
    "/api/v1/image-sets",
    "/api/v1/image-sets/shop/images?limit=50",
    "/api/v1/image-sets/shop/report/balance",
    "/api/v1/datasets/shop/entries?limit=50",
    "/api/v1/artifacts",
    "/api/v1/artifacts/shop-lora",
    "/api/v1/artifacts/shop-lora/versions",
    "/api/v1/artifacts/shop-lora/versions/1",
    "/api/v1/lineage/shop-lora@1",
    "/api/v1/lineage/dataset:shop@1/neighbours?direction=up",
    "/api/v1/lineage/shop-lora@1/openlineage",
    "/api/v1/runs",
    "/api/v1/runs/1",
    "/image-sets/shop",
    "/artifacts/shop-lora",
    "/",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=400, help="in the set ingested meanwhile")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        registry = home / "registry"
        settings = home / "settings.toml"
        settings.write_text(_SETTINGS)
        shop = noisy_pictures(home / "shop", 40, _SIZES)
        more = noisy_pictures(home / "more", options.pictures, _SIZES)
        command(registry, "ingest", str(shop), "--as", "shop")
        train = ("train", "lora", "--dataset", "shop", "--config", str(settings))
        command(registry, *train)
        with served(registry, f"sqlite:///{registry}/registry.db") as (address, _):
            asyncio.run(measure(address, registry, (more, train), options))


async def measure(
    address: str,
    registry: Path,
    work: tuple[Path, Sequence[str]],
    options: argparse.Namespace,
) -> None:
    """Read and write at once, and print what came of it.

    Args:
        address: Of the server.
        registry: Where it lies.
        work: The folder to ingest, and the command to train.
        options: How many readers, and for how long.
    """
    folder, train = work
    end = time.monotonic() + options.seconds
    times: dict[str, list[float]] = defaultdict(list)
    faults: Counter[str] = Counter()
    ingest = ("ingest", str(folder), "--as", "more")
    readers = [read(address, number, end, times, faults) for number in range(options.readers)]
    done = await asyncio.gather(
        writing(registry, ingest, end), writing(registry, train, end), *readers
    )
    everything = [one for some in times.values() for one in some]
    say(f"{len(everything):,} answers to {options.readers} readers in {options.seconds:.0f} s")
    for route in _ROUTES:
        tell(route, times[route])
    tell("all", everything)
    say(f"meanwhile {done[0]} ingests and {done[1]} trainings; errors: {faults.total()} {faults}")
    if faults:
        sys.exit(1)


async def read(
    address: str, number: int, end: float, times: dict[str, list[float]], faults: Counter[str]
) -> None:
    """One reader.

    Args:
        address: Of the server.
        number: Of the reader.
        end: When to stop, by the monotonic clock.
        times: Route → seconds of each answer.
        faults: What went wrong.
    """
    luck = random.Random(number)
    async with httpx.AsyncClient(base_url=address, timeout=120) as client:
        while time.monotonic() < end:
            route = luck.choice(_ROUTES)
            started = time.perf_counter()
            try:
                answer = await client.get(route)
            except httpx.HTTPError as error:
                faults[f"{route}: {type(error).__name__}"] += 1
                continue
            times[route].append(time.perf_counter() - started)
            if answer.status_code != 200:
                faults[f"{route}: {answer.status_code}"] += 1


async def writing(registry: Path, words: Sequence[str], end: float) -> int:
    """A command, again and again; how often.

    Args:
        registry: Where the registry lies.
        words: The command.
        end: When to begin no more.
    """
    count = 0
    while time.monotonic() < end:
        await asyncio.to_thread(command, registry, *words)
        count += 1
    return count


def command(registry: Path, *words: str) -> None:
    """Run one of our commands, and end with what it says where it fails."""
    program = Path(sys.executable).with_name("sdxl-reg")
    environment = {**os.environ, "SDXL_REG_HOME": str(registry), "OMP_NUM_THREADS": "1"}
    environment["SDXL_REG_DATABASE_URL"] = f"sqlite:///{registry}/registry.db"
    done = subprocess.run(  # noqa: S603 - our own command
        [str(program), *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"sdxl-reg {' '.join(words)}: {done.stderr[-2000:]}")


def tell(name: str, seconds: Sequence[float]) -> None:
    """Print how many answers there were, and how long they took."""
    if not seconds:
        say(f"{name:<60} never asked")
        return
    ordered = sorted(1000 * one for one in seconds)
    parts = [f"p{share} {ordered[int(len(ordered) * share / 100)]:8.0f}" for share in (50, 90, 99)]
    say(f"{name:<60} {'  '.join(parts)}  worst {ordered[-1]:8.0f} ms  of {len(ordered):,}")


if __name__ == "__main__":
    main()
