"""The form that compares the versions of an artifact in a grid."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.artifacts import find_artifact
from sdxl_reg.catalog.grid_axes import DEFAULT_SEEDS, DEFAULT_STRENGTHS
from sdxl_reg.catalog.grid_results import DEFAULT_GATES
from sdxl_reg.errors import NotFound
from sdxl_reg.evaluation.criteria import DEFAULT_METRIC
from sdxl_reg.evaluation.metrics.discovery import all_metrics
from sdxl_reg.evaluation.networks.names import SHIPPED
from sdxl_reg.vocabulary import ArtifactKind, Role, Sampler
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.roles import needs, of_artifact
from sdxl_reg.web.schemas.artifacts import artifact_document
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/artifacts")


@router.get("/{name}/grid", dependencies=[needs(Role.TRAINER, of_artifact)])
def form(
    request: Request,
    session: SessionOf,
    name: str,
    version: Annotated[int | None, Query(ge=1, le=1 << 31)] = None,
) -> Response:
    """What a grid of an artifact may be asked, few things first; `version` ticks one alone.

    Raises:
        NotFound: No such artifact, it is a base, or there is nothing to compare.
    """
    document = artifact_document(session, find_artifact(session, name))
    offered = [found for found in reversed(document.versions) if found.yanked is None]
    if not offered or document.kind == ArtifactKind.CHECKPOINT:
        raise NotFound("version to compare", document.name, remedy="Train one on an image set")
    newest = offered[0].run
    ticked = {found.version for found in offered if found.run == newest}
    if version is not None and any(found.version == version for found in offered):
        ticked = {version}
    low, high = min(DEFAULT_STRENGTHS), max(DEFAULT_STRENGTHS)
    facts = {
        "artifact": document,
        "offered": offered,
        "ticked": ticked,
        "strengths": f"{low:g}:{high:g}:{DEFAULT_STRENGTHS[1] - DEFAULT_STRENGTHS[0]:g}",
        "seeds": ", ".join(map(str, DEFAULT_SEEDS)),
        "gates": DEFAULT_GATES,
        "metrics": all_metrics()[0],
        "usual": DEFAULT_METRIC,
        "network": SHIPPED,
        "samplers": list(Sampler),
    }
    return render(request, "compare.html", facts)
