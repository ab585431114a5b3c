"""The lineage graph as a document, the very one that `sdxl-reg lineage --json` prints."""

from typing import Any

from pydantic import ConfigDict, Field

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


class LineageDocument(Document):
    """A part of the lineage."""

    root: str = Field(description="Id of the node that was asked for.")
    nodes: list[NodeItem]
    edges: list[EdgeItem]
    runs: list[LineageRun]
