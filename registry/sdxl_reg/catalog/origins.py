"""Where drawn pictures come from: what asked for them, and the rows that make them images."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.portions import portions
from sdxl_reg.imaging.examine import PictureFacts
from sdxl_reg.store.blobs import StoredBlob
from sdxl_reg.tables import GeneratedPicture, Generation, Grid, GridCell, Image
from sdxl_reg.vocabulary import NodeKind


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a synthetic picture was drawn by.

    Attributes:
        kind: A generation or a grid.
        number: Of it.
        node_id: Its node in the lineage.
        run_id: The run that drew it.
    """

    kind: NodeKind
    number: int
    node_id: int
    run_id: int

    @property
    def ref(self) -> str:
        """How the lineage calls it: `generation:3`."""
        return f"{self.kind}:{self.number}"


def recorded_image(session: Session, stored: StoredBlob, facts: PictureFacts) -> Image:
    """The image of bytes the store has taken; made now when there is none.

    Args:
        session: The transaction.
        stored: What the store says of the bytes.
        facts: From `imaging.examine.examine`.
    """
    blob = recorded(session, stored)
    image = session.scalar(select(Image).where(Image.blob_id == blob.id))
    if image is None:
        image = Image(blob_id=blob.id, **picture_columns(facts))
        session.add(image)
        session.flush()
    return image


def picture_columns(facts: PictureFacts) -> dict[str, Any]:
    """What a picture's row says, without which bytes it is.

    Args:
        facts: From `imaging.examine.examine`.
    """
    size = {"width": facts.width, "height": facts.height, "format": facts.format}
    return size | judgement(facts)


def judgement(facts: PictureFacts) -> dict[str, Any]:
    """The columns of a picture's row that its preview fills.

    Args:
        facts: From `imaging.examine.examine`.
    """
    return {
        "phash": facts.phash,
        "preview_sha256": facts.preview_sha256,
        "brightness": facts.measures.brightness,
        "contrast": facts.measures.contrast,
        "sharpness": facts.measures.sharpness,
        "exif": facts.exif or None,
    }


def origins_of(session: Session, image_ids: Iterable[int]) -> dict[int, Origin]:
    """Row of an image → what it was drawn by; a picture that nobody drew is left out.

    Args:
        session: The transaction.
        image_ids: Rows of images.
    """
    found: dict[int, Origin] = {}
    image: int | None
    for some in portions(sorted(set(image_ids))):
        grids = (
            select(Image.id, Grid.id, Grid.node_id, Grid.run_id)
            .join(GridCell, GridCell.blob_id == Image.blob_id)
            .join(Grid, Grid.id == GridCell.grid_id)
            .where(Image.id.in_(some))
            .order_by(Grid.id.desc())
        )
        for drawn, number, node, run in session.execute(grids):
            found[drawn] = Origin(kind=NodeKind.GRID, number=number, node_id=node, run_id=run)
        generations = (
            select(GeneratedPicture.image_id, Generation.id, Generation.node_id, Generation.run_id)
            .join(Generation, Generation.id == GeneratedPicture.generation_id)
            .where(GeneratedPicture.image_id.in_(some))
            .order_by(Generation.id.desc())
        )
        for image, number, node, run in session.execute(generations):
            if image is not None:
                found[image] = Origin(
                    kind=NodeKind.GENERATION, number=number, node_id=node, run_id=run
                )
    return found
