"""Contact sheets of clusters, to be looked at: one picture, or one page that needs no other."""

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from PIL import Image, ImageDraw

from sdxl_reg.catalog.likeness import Cluster, ClusterMember
from sdxl_reg.catalog.stored_pictures import stored_picture
from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.whole_files import whole_file
from sdxl_reg.imaging.decode import flattened
from sdxl_reg.imaging.lettering import SMALL, TEXT, fitted, write
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore

SIDE = 192
"""Longest side of a picture on a sheet, in pixels."""
ACROSS = 6
_GAP, _CAPTION, _TITLE = 16, 88, 44
_INK, _GREY, _KEEP, _PAPER = "#1a1a1a", "#666666", "#1d7a46", "#ffffff"
_MOST_PIXELS_HIGH = 60_000
_STYLE = """
body{font:15px/1.4 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:2rem}
section{margin:0 0 2rem} h2{font-size:1rem;margin:0 0 .5rem;overflow-wrap:anywhere}
.row{display:flex;flex-wrap:wrap;gap:1rem} figure{margin:0;width:192px}
img{display:block;max-width:100%} .keep img{outline:3px solid #1d7a46}
figcaption{font-size:.8rem;color:#444;overflow-wrap:anywhere} .keep figcaption b{color:#1d7a46}
"""


def write_sheet(store: BlobStore, clusters: Sequence[Cluster], to: Path) -> None:
    """Write a contact sheet of clusters.

    Args:
        store: Holds the pictures.
        clusters: In their order; each is a row with its kind, its tags, and the one to keep first.
        to: The file: `.png`, or `.html` for a page with the pictures in it.

    Raises:
        InvalidValue: The file is neither, or the picture would be too high.
    """
    match to.suffix.lower():
        case ".png":
            _write_png(store, clusters, to)
        case ".html" | ".htm":
            with whole_file(to) as path, path.open("w", encoding="utf-8") as stream:
                stream.writelines(_page(store, clusters))
        case _:
            raise InvalidValue(
                "a sheet of this kind", to.name, remedy="Give a name that ends in .png or .html"
            )


def title_of(cluster: Cluster) -> str:
    """What a cluster is, in a line: `3 pictures, near: qzy/flawed/spot, qzy/flawless`."""
    labels = ", ".join(label or "no tag" for label in cluster.labels)
    return f"{len(cluster.members)} pictures, {cluster.kind}: {labels}"


def _write_png(store: BlobStore, clusters: Sequence[Cluster], to: Path) -> None:
    heights = [_TITLE + _rows(cluster) * (SIDE + _CAPTION) + _GAP for cluster in clusters]
    if sum(heights) > _MOST_PIXELS_HIGH:
        raise InvalidValue(
            "too many clusters for one picture",
            len(clusters),
            remedy="Write a page instead (.html), or fewer: --limit",
        )
    size = (_GAP + ACROSS * (SIDE + _GAP), _GAP + sum(heights))
    paper = Image.new("RGB", size, _PAPER)
    top = _GAP
    for cluster, height in zip(clusters, heights, strict=True):
        _draw(store, cluster, paper, top)
        top += height
    with whole_file(to) as path:
        paper.save(path, "PNG")


def _rows(cluster: Cluster) -> int:
    return -(-len(cluster.members) // ACROSS)


def _draw(store: BlobStore, cluster: Cluster, paper: Image.Image, top: int) -> None:
    pen = ImageDraw.Draw(paper)
    title = fitted(title_of(cluster), TEXT, paper.width - 2 * _GAP, _INK, most=1)
    write(pen, (_GAP, top), title)
    for number, member in enumerate(cluster.members):
        left = _GAP + number % ACROSS * (SIDE + _GAP)
        at = top + _TITLE + number // ACROSS * (SIDE + _CAPTION)
        picture = _small(store, member)
        spot = (left + (SIDE - picture.width) // 2, at + (SIDE - picture.height) // 2)
        paper.paste(picture, spot)
        if member is cluster.keep:
            frame = (
                spot[0] - 3,
                spot[1] - 3,
                spot[0] + picture.width + 2,
                spot[1] + picture.height + 2,
            )
            pen.rectangle(frame, outline=_KEEP, width=3)
        first = fitted(
            _said(member, cluster), SMALL, SIDE, _KEEP if member is cluster.keep else _INK, most=1
        )
        below = fitted(member.source_path, SMALL, SIDE, _GREY, most=2)
        write(pen, (left, at + SIDE + 6), [*first, *below])


def _said(member: ClusterMember, cluster: Cluster) -> str:
    size = f"{member.width}×{member.height}"
    return f"keep: {size}" if member is cluster.keep else size


def _small(store: BlobStore, member: ClusterMember) -> Image.Image:
    """A picture made small; a grey one where it cannot be read now."""
    try:
        picture = flattened(stored_picture(store, member.sha256, at_least=SIDE), (255, 255, 255))
    except Unreadable:
        return Image.new("RGB", (SIDE, SIDE), "#dddddd")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return picture


def _page(store: BlobStore, clusters: Sequence[Cluster]) -> Iterator[str]:
    yield f"<!doctype html><meta charset=utf-8><title>Duplicates</title><style>{_STYLE}</style>\n"
    for cluster in clusters:
        yield f"<section><h2>{escape(title_of(cluster))}</h2><div class=row>\n"
        for member in cluster.members:
            yield _figure(store, member, cluster)
        yield "</div></section>\n"


def _figure(store: BlobStore, member: ClusterMember, cluster: Cluster) -> str:
    stream = io.BytesIO()
    _small(store, member).save(stream, "JPEG", quality=82)
    data = base64.b64encode(stream.getvalue()).decode()
    role = " class=keep" if member is cluster.keep else ""
    path = escape(f"{member.image_set}/{member.source_path}", quote=True)
    return (
        f'<figure{role}><img src="data:image/jpeg;base64,{data}" alt="{path}">'
        f"<figcaption><b>{_said(member, cluster)}</b><br>{path}</figcaption></figure>\n"
    )
