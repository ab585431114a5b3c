"""Which pictures are drawn together: those that differ only in what each row of a batch can have.

A row has its own prompts, seed and strengths. LoRAs and hypernetworks of several versions may also
share a batch: a version has strength 0 in the rows of the others. No torch here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from typing import NamedTuple

from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.jobs.spec import CellSpec
from sdxl_reg.vocabulary import ArtifactKind

MOST_VERSIONS = 4
"""In a batch: each of them costs its own work on every row."""
MOST_PICTURES = 16
"""In a batch by default: more save little."""
PIXELS_AT_ONCE = 4 * 1024 * 1024
"""In a batch by default, so that full-size SDXL fits into 24 GB."""
_BY_ROW = {"prompt", "prompt_2", "negative_prompt", "negative_prompt_2", "seed", "adapters"}
_MIXING = frozenset({ArtifactKind.LORA, ArtifactKind.HYPERNETWORK})

KindOf = Callable[[str], ArtifactKind]
"""Reference of a version → its kind."""


class _Group(NamedTuple):
    """What pictures must have in common to be drawn together.

    Attributes:
        frame: All fields that no row can have for itself.
        shared: References of the adapters before the last one.
        last: Reference of the last one, or its kind where versions mix.
    """

    frame: str
    shared: tuple[str, ...]
    last: str


def active(picture: PictureSpec) -> list[AdapterUse]:
    """The adapters of a picture that change anything."""
    return [use for use in picture.adapters if not use.is_idle]


def batches(cells: Sequence[CellSpec], size: int, kind_of: KindOf) -> Iterator[list[CellSpec]]:
    """Pictures in the order in which they are drawn: what is dear to change changes last.

    Args:
        cells: To be drawn.
        size: At most so many at once.
        kind_of: Reference of a version → its kind.
    """
    groups: dict[_Group, list[CellSpec]] = {}
    plain: list[CellSpec] = []
    for cell in cells:
        uses = active(cell.picture)
        if not uses:
            plain.append(cell)
            continue
        *shared, last = (use.ref for use in uses)
        kind = kind_of(last)
        own = str(kind) if kind in _MIXING else last
        group = _Group(_frame(cell.picture), tuple(shared), own)
        groups.setdefault(group, []).append(cell)
    _join_plain(groups, plain)
    for _, members in sorted(groups.items(), key=lambda group: group[0]):
        yield from _cut(members, size)


def batch_size(count: int, *, width: int, height: int) -> int:
    """How many pictures to draw at once: as many as is usual, and no last batch that is half empty.

    Args:
        count: Pictures to draw.
        width: Of one, in pixels.
        height: Of one, in pixels.
    """
    most = max(1, min(MOST_PICTURES, PIXELS_AT_ONCE // (width * height)))
    return max(1, ceil(count / max(1, ceil(count / most))))


def _frame(picture: PictureSpec) -> str:
    """First what is dearest to change: the checkpoint."""
    fields: Mapping[str, object] = picture.model_dump(mode="json", exclude=_BY_ROW)
    return f"{picture.base} {picture.refiner} {picture.vae} {sorted(fields.items())}"


def _join_plain(groups: dict[_Group, list[CellSpec]], plain: Sequence[CellSpec]) -> None:
    """Put pictures of the base alone where they fill a batch up."""
    hosts: dict[str, _Group] = {}
    for group in sorted(groups):
        if not group.shared:
            hosts.setdefault(group.frame, group)
    for cell in plain:
        frame = _frame(cell.picture)
        host = hosts.setdefault(frame, _Group(frame, (), ""))
        groups.setdefault(host, []).insert(0, cell)


def _cut(members: Sequence[CellSpec], size: int) -> Iterator[list[CellSpec]]:
    """Members version by version, in batches of so many and of not too many versions."""
    batch: list[CellSpec] = []
    versions: set[str] = set()
    for cell in sorted(members, key=_version_of):
        version = _version_of(cell)
        if batch and (len(batch) == size or len(versions | {version}) > MOST_VERSIONS):
            yield batch
            batch, versions = [], set()
        batch.append(cell)
        versions |= {version} - {""}
    if batch:
        yield batch


def _version_of(cell: CellSpec) -> str:
    uses = active(cell.picture)
    return uses[-1].ref if uses else ""
