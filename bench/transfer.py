"""A large file to a server and back, beside a copy on the same disk; and the memory it takes.

    python bench/transfer.py [--gib 2] [--rounds 3]

The copy reads and writes the same bytes and waits until they are on the disk, as the server does.
The server is a process of its own over a real socket; its peak of memory is the system's word.
"""

import argparse
import functools
import hashlib
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.serving import say, served
from sdxl_reg.client import Client
from sdxl_reg.client.files import fetch_file, send_file

_PIECE = 1 << 24


def main() -> None:
    """Measure, and print one line a thing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    took: dict[str, list[float]] = {"copy": [], "up": [], "down": []}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with served(home, f"sqlite:///{home}/registry.db") as (address, pid):
            size = _measure(address, Path(folder), options, took)
            peak = peak_mib(pid)
    for name, seconds in took.items():
        middle = statistics.median(seconds)
        ratio = middle / statistics.median(took["copy"])
        say(f"{name}: {size / middle / 1e6:.0f} MB/s, {ratio:.2f} times the time of a copy")
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"peak memory: server {peak:.0f} MiB, client {ours:.0f} MiB, {options.rounds} rounds")


def _measure(
    address: str, folder: Path, options: argparse.Namespace, took: dict[str, list[float]]
) -> int:
    """Copy, send and fetch; the length of one file in bytes."""
    back = folder / "back.safetensors"
    for number in range(options.rounds):
        source = folder / f"source-{number}.safetensors"
        size = _write(source, int(options.gib * (1 << 30)), number)
        took["copy"].append(_seconds(functools.partial(_copy, source, back)))
        took["up"].append(_seconds(functools.partial(_up, address, source)))
        took["down"].append(_seconds(functools.partial(_down, address, source, back)))
        source.unlink()
        back.unlink()
    return size


def _write(path: Path, size: int, seed: int) -> int:
    """A LoRA of so many random bytes, told as one tensor."""
    name = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight"
    rows = size // 2048
    header = json.dumps(
        {name: {"dtype": "U8", "shape": [rows, 2048], "data_offsets": [0, rows * 2048]}}
    ).encode()
    block = hashlib.shake_128(str(seed).encode()).digest(_PIECE)
    with path.open("wb") as sink:
        sink.write(len(header).to_bytes(8, "little") + header)
        left = rows * 2048
        while left > 0:
            sink.write(block[:left])
            left -= len(block)
        sink.flush()
        os.fsync(sink.fileno())
    return path.stat().st_size


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as sink:
        shutil.copyfileobj(read, sink, _PIECE)
        sink.flush()
        os.fsync(sink.fileno())
    target.unlink()


def _up(address: str, path: Path) -> None:
    with Client(address, timeout_s=600) as client:
        key = send_file(client, path)
        client.post("artifacts", path.stem, "versions", body={"upload": key})


def _down(address: str, source: Path, back: Path) -> None:
    with Client(address, timeout_s=600) as client:
        (file,) = client.get("artifacts", source.stem, "versions", "1")["files"]
        fetch_file(client, file["url"], back, sha256=file["sha256"], size_bytes=file["size_bytes"])


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_mib(pid: int) -> float:
    """The most memory that a process has held at once."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
