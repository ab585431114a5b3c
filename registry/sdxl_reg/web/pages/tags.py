"""The tree of tags: what lies below each, and what a change of one would come to."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.journal import changes
from sdxl_reg.catalog.tags import TagNode, tag_at, tag_tree, unused_tags
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.roles import may
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/image-sets")

_CHANGES = 8


@router.get("/{name}/tags")
def tree(
    request: Request, session: SessionOf, name: str, tag: Annotated[str, Query()] = ""
) -> Response:
    """The tags of a set with their counts; of the chosen one, what may be done with it."""
    image_set = find_image_set(session, name)
    nodes = tag_tree(session, image_set)
    known = {node.path: node for node in _all(nodes)}
    found = tag_at(session, tag) if tag else None
    facts = {
        "set": image_set.name,
        "levels": image_set.layout.split("/") if image_set.layout else [],
        "nodes": nodes,
        "known": list(known),
        "unused": [one.path for one in unused_tags(session)],
        "chosen": found,
        "node": known.get(found.path) if found else None,
        "may_write": may(Role.WRITER, image_set.project),
        "changes": changes(session, "tags.", image_set=image_set, limit=_CHANGES),
    }
    return render(request, "tags.html", facts)


def _all(nodes: Sequence[TagNode]) -> Iterator[TagNode]:
    for node in nodes:
        yield node
        yield from _all(node.children)
