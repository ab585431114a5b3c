"""Servers in processes of their own, throw-away databases, and times of what is asked of them."""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url


@contextmanager
def served(home: Path, url: str) -> Iterator[tuple[str, int]]:
    """Our server over a registry, in a process of its own.

    Args:
        home: Where its files lie.
        url: Of its database.

    Yields:
        Its address, and the number of its process.
    """
    port = free_port()
    environment = {**os.environ, "SDXL_REG_HOME": str(home), "SDXL_REG_DATABASE_URL": url}
    command = [Path(sys.executable).with_name("sdxl-reg"), "serve", "--port", str(port)]
    with running([str(word) for word in command], environment) as number:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health")
        yield address, number


@contextmanager
def running(command: Sequence[str], environment: dict[str, str]) -> Iterator[int]:
    """A program that runs meanwhile, and is ended then; what it says is not shown.

    Args:
        command: The program and its arguments.
        environment: Of the process.

    Yields:
        Number of the process.
    """
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(address: str, *, timeout_s: float = 180) -> None:
    """Wait until an address answers.

    Args:
        address: Of HTTP.
        timeout_s: For so long.

    Raises:
        TimeoutError: It did not.
    """
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if httpx.get(address, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer in {timeout_s:.0f} s")


@contextmanager
def scratch_database(server: str) -> Iterator[str]:
    """A database of its own on a PostgreSQL server, dropped in the end.

    Args:
        server: URL of any database there.

    Yields:
        Its URL.
    """
    name = f"sdxl_reg_bench_{os.getpid()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def processor_ms(number: int) -> float:
    """What a process has used of the processor so far, as Linux counts it: in steps of 10 ms.

    Args:
        number: Of the process.
    """
    words = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], object]) -> float:
    """What some work takes, in milliseconds; the better of two, as others use this machine too."""
    return min(_once(work) for _ in range(2))


def summary(name: str, times: Sequence[float]) -> float:
    """Print the median, the 95th of 100 and the worst.

    Args:
        name: What was done.
        times: In milliseconds, one each.

    Returns:
        The median.
    """
    middle = statistics.median(times)
    late = sorted(times)[int(len(times) * 0.95)]
    facts = f"median {middle:8.2f}  p95 {late:8.2f}  worst {max(times):8.2f} ms"
    say(f"{name:<58} {facts}  of {len(times)}")
    return middle


def say(line: str) -> None:
    """Print a line."""
    print(line, flush=True)  # noqa: T201


def _once(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
