"""Storage: how much is kept, whether it is whole, and removing what nothing needs."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.identity import KeeperOf
from sdxl_reg.web.schemas.storage import USUAL_GRACE_DAYS
from sdxl_reg.web.storage import storage_document
from sdxl_reg.web.templating import render
from sdxl_reg.web.upkeep import UpkeepOf

router = APIRouter(prefix="/storage")

_KINDS = {
    "blobs": "Pictures, weights, manifests and everything else that is recorded",
    "thumbnails": "Small pictures; made again when somebody looks",
    "cache": "Latents and texts of trainings; computed again when they are needed",
    "runs": "Logs and files of runs, and what a training needs to be gone on with",
}


@router.get("")
def shown(
    request: Request, session: SessionOf, registry: RegistryOf, upkeep: UpkeepOf, _: KeeperOf
) -> Response:
    """Bytes by kind, garbage, the last check, and buttons to check and to collect."""
    found = storage_document(session, registry, upkeep)
    facts = {
        "storage": found,
        "kinds": [(name, words, getattr(found, name)) for name, words in _KINDS.items()],
        "check": found.check,
        "grace_days": USUAL_GRACE_DAYS,
    }
    return render(request, "storage.html", facts)
