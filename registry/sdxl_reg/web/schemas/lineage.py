"""The lineage graph as a document, the very one that `sdxl-reg lineage --json` prints."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from sdxl_reg.catalog.lineage_document import edge_document, node_document, run_facts
from sdxl_reg.catalog.lineage_neighbours import Neighbours
from sdxl_reg.vocabulary import NodeKind, RunState
from sdxl_reg.web.schemas.base import Document


class NodeItem(Document):
    """A node; what else is known of it stands beside these keys."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str = Field(description="Kind and reference: `artifact:weipin-lora@3`.")
    kind: NodeKind
    ref: str = Field(description="How commands refer to it.")


class EdgeItem(Document):
    """An arrow from what went in to what came out."""

    source: str = Field(alias="from", description="Id of the node that went in.")
    target: str = Field(alias="to", description="Id of the node that came out.")
    run: int | None = Field(description="The run; null where none was needed.")
    slot: str = Field(description="As what it went in: `base`, `dataset`, `version`, `image`.")


class LineageRun(Document):
    """A run on some arrow."""

    id: int
    title: str
    state: RunState
    spec: dict[str, Any]


class TruncatedItem(Document):
    """A node that has more neighbours than are shown."""

    node: str = Field(description="Its id.")
    direction: Literal["up", "down"]
    shown: int = Field(description="How many of its neighbours are shown.")
    total: int = Field(
        description="How many it has; a picture counts as often as its dataset names it."
    )
    next: str | None = Field(
        description="`cursor` with which `neighbours` of it goes on; null: from the first on."
    )


class LineageDocument(Document):
    """A part of the lineage."""

    root: str = Field(description="Id of the node that was asked for.")
    nodes: list[NodeItem]
    edges: list[EdgeItem]
    runs: list[LineageRun]
    truncated: list[TruncatedItem] = Field(description="Where there is more than is shown.")


class NeighboursDocument(Document):
    """A page of what stands directly above or below a node."""

    root: str = Field(description="Id of the node that was asked for.")
    direction: Literal["up", "down"]
    total: int = Field(
        description="How many there are on all pages; a picture as often as its dataset names it."
    )
    items: list[NodeItem]
    edges: list[EdgeItem]
    runs: list[LineageRun]
    next: str | None = Field(description="`cursor` of the page after; null at the end.")


def neighbours_document(found: Neighbours) -> NeighboursDocument:
    """A page of neighbours as a document."""
    edges = [edge_document(edge) for one in found.page.items for edge in one.edges]
    return NeighboursDocument.model_validate(
        {
            "root": found.root.id,
            "direction": found.way,
            "total": found.total,
            "items": [node_document(one.node) for one in found.page.items],
            "edges": edges,
            "runs": [run_facts(run) for run in found.runs],
            "next": found.page.next,
        }
    )
