"""A frozen dataset as another program reads it, in an archive that is sent while it is written."""

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from sdxl_reg.catalog.dataset_exports.export import plan_export, write_export
from sdxl_reg.catalog.dataset_exports.options import ExportOptions
from sdxl_reg.catalog.dataset_exports.sinks import ArchiveSink
from sdxl_reg.catalog.datasets import find_dataset_version, version_ref
from sdxl_reg.formats.archives import ARCHIVES
from sdxl_reg.store.database import reading
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.files import INERT, disposition
from sdxl_reg.web.outflow import Outflow, OutflowResponse, Outflows

_MEDIA = {"zip": "application/zip", "tar": "application/x-tar"}
_Word = Annotated[str, Field(max_length=500)]


class ExportQuery(BaseModel):
    """What an export can be told, as `sdxl-reg dataset export` takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: Literal["source", "tags"] | None = Field(
        default=None,
        description="As the files are called, or `qzy_flawed_spot_01`; by default source, for "
        "hypernetwork tags.",
    )
    resolution: _Word | None = Field(
        default=None,
        description="Cut and resize to `1024`, `832x1216`, or `bucket`: the nearest of SDXL's "
        "sizes. By default as they are, for hypernetwork 1024.",
    )
    crop: _Word = Field(
        default="centre",
        description="What is kept in the middle: centre, edges, entropy, saliency, faces; none "
        "passes over crops that people chose.",
    )
    split: Literal["train", "validation"] | None = Field(
        default=None, description="Only this one; by default all, for kohya and hypernetwork train."
    )
    caption_suffix: _Word = Field(default="", description="Put behind every caption.")
    image_format: Literal["keep", "png", "jpg", "webp"] = Field(
        default="keep",
        description="keep: the bytes as ingested, where every reader sees them right.",
    )
    quality: int = Field(default=95, ge=1, le=100, description="Of jpg and webp.")
    repeats: int | None = Field(
        default=None, ge=1, le=1_000_000, description="kohya: showings an epoch."
    )
    class_word: _Word = Field(
        default="",
        description="kohya: name of the one folder; by default one for each first tag.",
    )
    shard_mb: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="parquet, webdataset: size of a file; by default 500.",
    )
    archive: Literal["zip", "tar"] = Field(
        default="zip",
        description="Stored and not compressed; a tar is for programs that unpack while it comes.",
    )
    at: Annotated[str, Field(max_length=1000)] = Field(
        default="",
        description="kohya: where you will unpack it, as stands in dataset.toml and meta_cap.json; "
        "by default relative. The server does not look there.",
    )


def export_response(
    request: Request, registry: Registry, reference: str, form: str, asked: ExportQuery
) -> Response:
    """A dataset version in a form, sent while it is written.

    Args:
        request: Of the application that counts what is under way.
        registry: Holds it.
        reference: `weipin@1`.
        form: One of `dataset_formats.EXPORTS`.
        asked: Its options.

    Returns:
        An archive; it takes no room on the disk of the server, but for the shards of parquet, and
        one of webdataset.

    Raises:
        NotFound: No such version, or a picture is missing right at the beginning.
        UsageError: The options are not those of the format.
        Conflict: There is nothing to export.
        NotReady: Too many are under way.
    """
    options = asked.model_dump(exclude={"archive", "at", "split"}) | {"split": asked.split or ""}
    with reading(registry.engine) as session:
        version = find_dataset_version(session, reference)
        planned = plan_export(
            session, registry.store, version, form=form, options=ExportOptions(**options)
        )
        name = f"{version_ref(version).replace('@', '-')}-{form}.{asked.archive}"

    def make(sink: Outflow) -> None:
        with TemporaryDirectory(prefix="sdxl-reg-export-") as scratch:
            archive = ARCHIVES[asked.archive](sink)
            to = PurePosixPath(asked.at)
            write_export(registry.store, planned, ArchiveSink(archive, Path(scratch)), to=to)
            archive.close()

    outflows: Outflows = request.app.state.outflows
    return OutflowResponse(
        outflows,
        make,
        media_type=_MEDIA[asked.archive],
        headers={
            "Content-Disposition": disposition(name, is_shown=False),
            "Content-Security-Policy": INERT,
            "Cache-Control": "no-store",
        },
    )
