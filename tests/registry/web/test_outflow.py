"""Bytes that are made while they are sent."""

import threading
import time

import pytest

from sdxl_reg.errors import Conflict, NotReady
from sdxl_reg.web.outflow import MOST, Abandoned, Outflow, Outflows

MEGABYTE = b"x" * (1 << 20)


def test_what_is_written_comes_out_in_order() -> None:
    def count(sink: Outflow) -> None:
        for number in range(50):
            sink.write(bytes([number]) * 100_000)

    outflow = Outflow()
    outflow.begin(count)
    assert b"".join(outflow.pieces()) == b"".join(bytes([n]) * 100_000 for n in range(50))


def test_a_failure_at_once_is_raised_before_anything_is_sent() -> None:
    def fail(_: Outflow) -> None:
        raise Conflict("no pictures")

    with pytest.raises(Conflict, match="no pictures"):
        Outflow().begin(fail)


def test_a_failure_on_the_way_ends_the_pieces_with_it() -> None:
    def fail(sink: Outflow) -> None:
        sink.write(MEGABYTE)
        raise Conflict("damaged")

    outflow = Outflow()
    outflow.begin(fail)
    pieces = outflow.pieces()
    assert next(pieces)
    with pytest.raises(Conflict, match="damaged"):
        list(pieces)


def test_a_reader_that_goes_away_ends_the_making_and_little_was_held() -> None:
    written = []
    ended = threading.Event()

    def endless(sink: Outflow) -> None:
        try:
            while True:
                written.append(sink.write(MEGABYTE))
        finally:
            ended.set()

    outflows = Outflows()
    outflow = outflows.enter()
    outflow.begin(endless)
    next(outflow.pieces())
    time.sleep(0.3)
    assert sum(written) < 16 << 20
    outflows.leave(outflow)
    assert ended.wait(timeout=5)


def test_a_reader_that_waits_hears_that_the_server_ends() -> None:
    begun = threading.Event()

    def slow(sink: Outflow) -> None:
        begun.wait(timeout=10)
        while True:
            sink.write(MEGABYTE)

    outflows = Outflows()
    outflow = outflows.enter()
    outflow.begin(slow)
    outflows.close()
    begun.set()
    with pytest.raises(Abandoned):
        list(outflow.pieces())
    with pytest.raises(NotReady, match="the server ends"):
        outflows.enter()


def test_only_some_are_made_at_once() -> None:
    outflows = Outflows()
    held = [outflows.enter() for _ in range(MOST)]
    with pytest.raises(NotReady, match="under way"):
        outflows.enter()
    outflows.leave(held[0])
    outflows.enter()
