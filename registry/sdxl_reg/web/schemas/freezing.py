"""What is asked to be frozen, and what a freeze holds, as documents."""

from contextlib import suppress
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from sdxl_reg.catalog.dataset_contents import contents_of
from sdxl_reg.catalog.datasets import version_ref
from sdxl_reg.catalog.freezing import Prepared
from sdxl_reg.tables import DatasetVersion
from sdxl_reg.web.schemas.base import Document, Sha256, url

_Text = Annotated[str, Field(max_length=2000)]


class FreezeBody(Document):
    """What shall be frozen, as for `sdxl-reg dataset freeze`; left out is at its default."""

    name: str = Field(min_length=1, max_length=255, description="Of the dataset: `weipin`.")
    image_set: str = Field(
        default="",
        max_length=255,
        description="Set to freeze; by default the one of the dataset, or of the same name.",
    )
    select: _Text = Field(
        default="", description="Of a new dataset, only these pictures: `**/spot`."
    )
    validation: float | _Text | None = Field(
        default=None,
        description="Share of the pictures to hold out (0 for none), or a selector of them; null: "
        "as the last time.",
    )
    balance: str | None = Field(
        default=None,
        max_length=64,
        description="Level whose values are shown equally often; empty for none, null: as the "
        "last time.",
    )
    dry_run: bool = Field(default=False, description="Only say what would be frozen.")

    @field_validator("validation")
    @classmethod
    def _share_or_selector(cls, said: float | str | None) -> float | str | None:
        with suppress(ValueError):
            said = float(said) if isinstance(said, str) else said  # as the command takes it
        if isinstance(said, float) and not 0 <= said < 1:
            raise PydanticCustomError("share", "a share is from 0 to 1, such as 0.1")
        return said


class FrozenDocument(Document):
    """What a freeze holds, or would hold."""

    ref: str = Field(description="How it is referred to, or would be: `weipin@2`.")
    name: str
    version: int
    image_set: str
    selector: str
    images: int
    tags: dict[str, int] = Field(description="Tag path → how many images.")
    splits: dict[str, int] = Field(description="train, validation → how many images.")
    showings: int = Field(description="Pictures that an epoch shows, repeats counted.")
    digest: Sha256 = Field(description="SHA-256 of its manifest.")
    is_new: bool = Field(description="Whether no version had this content before.")
    url: str | None = Field(description="Where the version is; null where it is not there yet.")


def frozen_document(session: Session, version: DatasetVersion, *, is_new: bool) -> FrozenDocument:
    """A version that was frozen now, or was there with the same content.

    Args:
        session: The transaction.
        version: The version.
        is_new: Which of the two.
    """
    contents, ref = contents_of(session, version), version_ref(version)
    return FrozenDocument(
        ref=ref,
        name=version.dataset.name,
        version=version.version,
        image_set=version.dataset.image_set.name,
        selector=version.dataset.selector,
        images=version.image_count,
        tags=dict(contents.tags),
        splits=dict(contents.splits),
        showings=contents.showings,
        digest=version.digest,
        is_new=is_new,
        url=url("datasets", ref),
    )


def forecast_document(prepared: Prepared) -> FrozenDocument:
    """What would be frozen."""
    dataset, standing = prepared.dataset, prepared.standing
    return FrozenDocument(
        ref=prepared.reference,
        name=dataset.name,
        version=standing.version if standing else dataset.next_version,
        image_set=dataset.image_set.name,
        selector=dataset.selector,
        images=len(prepared.members),
        tags=prepared.tags,
        splits=prepared.splits,
        showings=prepared.showings,
        digest=prepared.digest,
        is_new=standing is None,
        url=url("datasets", prepared.reference) if standing else None,
    )
