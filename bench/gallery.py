"""A page of pictures under every tag of a registry of a million, beside what a peer would write.

    python bench/gallery.py [--members 1000000] [--keep FILE]

For each tag the first page, one from the middle and the last one are asked for: through
`page_of_members` with what a page of the site needs besides, and through HTTP, the document and the
page. The peer's query joins members with tags by `path LIKE 'brand/%'`, counts, and pages with
OFFSET; it is asked for the same pages of the largest tags. All in this process, in turn, on
SQLite; times are of a warm database.
"""

import argparse
import functools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from sdxl_reg.catalog.images import find_image_set, page_of_members
from sdxl_reg.catalog.paging import page_after
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, reading, upgrade
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.million import NAME, make, paths

_LIMIT = 60
_NAIVE_TAGS = 6
_PEER = """
SELECT m.id, m.source_path, b.sha256, i.width, i.height, c.text
FROM member m
JOIN image i ON i.id = m.image_id JOIN blob b ON b.id = i.blob_id
JOIN member_tag mt ON mt.member_id = m.id JOIN tag t ON t.id = mt.tag_id
LEFT JOIN caption_head h ON h.member_id = m.id LEFT JOIN caption c ON c.id = h.caption_id
WHERE m.image_set_id = 1 AND (t.path = :path OR t.path LIKE :below)
ORDER BY m.id LIMIT :limit OFFSET :offset
"""
_PEER_COUNT = """
SELECT count(*) FROM member m JOIN member_tag mt ON mt.member_id = m.id
JOIN tag t ON t.id = mt.tag_id
WHERE m.image_set_id = 1 AND (t.path = :path OR t.path LIKE :below)
"""
_ADDRESSES = {"document": f"/api/v1/image-sets/{NAME}/images", "page": f"/image-sets/{NAME}"}
_Times = tuple[float, float]
"""Milliseconds by the clock, and of this process."""
_Place = tuple[str, int, int]
"""Tag, row before the page, pictures before the page."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="database to make once and use again")
    parser.add_argument("--every", type=int, default=1, help="look at every so many of the tags")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        path = options.keep or Path(scratch) / "registry.db"
        is_new = not path.exists()
        engine = connect(f"sqlite:///{path}")
        if is_new:
            upgrade(engine)
            started = time.perf_counter()
            make(engine, options.members)
            say(f"{options.members:,} members made in {time.perf_counter() - started:.0f} s")
        measure(engine, Path(scratch), paths()[:: options.every])
        engine.dispose()


def measure(engine: Engine, scratch: Path, tags: Sequence[str]) -> None:
    """Ask for the pages of some tags in every way, and print the times."""
    largest = places_of_largest(engine)
    places = [place for path in tags for place in places_of(engine, path)]
    places += [place for place in largest if place not in places]
    say(f"{len(places):,} pages of {len(tags):,} tags, {_LIMIT} pictures each")
    ours = {place: timed(functools.partial(our_page, engine, place)) for place in places}
    summary("page_of_members", list(ours.values()))
    summary("page_of_members, the largest tags", [ours[place] for place in largest])
    peer = [timed(functools.partial(peer_page, engine, place)) for place in largest]
    summary("the peer's query, the largest tags", peer)
    settings = Settings.from_environment({"SDXL_REG_HOME": str(scratch / "home")})
    registry = Registry(engine=engine, store=BlobStore(settings.store_path), settings=settings)
    with TestClient(create_app(registry)) as client:
        some = places[:: max(1, len(places) // 300)]
        for name, prefix in _ADDRESSES.items():
            get = functools.partial(fetched, client, prefix)
            summary(f"HTTP, {name}", [timed(functools.partial(get, place)) for place in some])


def our_page(engine: Engine, place: _Place) -> None:
    """One page, as the site asks for it: in a session of its own."""
    tag, after, _ = place
    with reading(engine) as session:
        found = find_image_set(session, NAME)
        page_of_members(session, found, tag=tag, after=after, limit=_LIMIT)


def peer_page(engine: Engine, place: _Place) -> None:
    """The same page, as people write it at first."""
    tag, _, offset = place
    with reading(engine) as session:
        wanted = {"path": tag, "below": f"{tag}/%"}
        session.execute(text(_PEER_COUNT), wanted).all()
        session.execute(text(_PEER), wanted | {"limit": _LIMIT, "offset": offset}).all()


def fetched(client: TestClient, prefix: str, place: _Place) -> None:
    """The same page over HTTP; the cursor is the one that the page before gives."""
    tag, after, _ = place
    answer = client.get(f"{prefix}?tag={quote(tag)}&limit={_LIMIT}&cursor={cursor(after)}")
    answer.raise_for_status()


def cursor(after: int) -> str:
    """A row as lists give it for their next page."""
    return page_after([], after).next or ""


def places_of(engine: Engine, tag: str) -> list[_Place]:
    """The first page of a tag, one from its middle and its last one."""
    with reading(engine) as session:
        rows = members_under(session, tag)
    offsets = dict.fromkeys((0, len(rows) // 2, max(len(rows) - _LIMIT, 0)))
    return [(tag, rows[offset - 1] if offset else 0, offset) for offset in offsets]


def places_of_largest(engine: Engine) -> list[_Place]:
    """The pages of the tags with most pictures."""
    with reading(engine) as session:
        totals = find_image_set(session, NAME).totals or {}
        rows = session.execute(text("SELECT id, path FROM tag"))
        names: dict[int, str] = {row.id: row.path for row in rows}
    counts = {names[int(tag)]: count for tag, count in totals["below"].items()}
    largest = sorted(counts, key=lambda tag: -counts[tag])[:_NAIVE_TAGS]
    return [place for tag in largest for place in places_of(engine, tag)]


def members_under(session: Session, tag: str) -> Sequence[int]:
    """The rows of the members under a tag, in order."""
    return session.scalars(
        text(
            "SELECT mt.member_id FROM member_tag mt JOIN tag_closure c "
            "ON c.descendant_id = mt.tag_id JOIN tag t ON t.id = c.ancestor_id "
            "WHERE t.path = :path ORDER BY mt.member_id"
        ),
        {"path": tag},
    ).all()


def timed(work: Callable[[], object]) -> _Times:
    """What some work takes; the better of two, as others use this machine too."""
    return min(_once(work) for _ in range(2))


def summary(name: str, times: Sequence[_Times]) -> None:
    """Print the median and the worst, by the clock and of this process alone."""
    said = [f"{name:<36}"]
    for what, values in zip(("clock", "CPU"), zip(*times, strict=True), strict=True):
        middle, worst = statistics.median(values), max(values)
        said.append(f"{what}: median {middle:7.1f} ms, worst {worst:7.1f} ms")
    say("   ".join([*said, f"of {len(times):,}"]))


def _once(work: Callable[[], object]) -> _Times:
    clock, own = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - clock) * 1000, (time.process_time() - own) * 1000


def say(line: str) -> None:
    """Print a line."""
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
