"""The form that freezes an image set: what is taken, held out and balanced, with a preview."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.datasets import datasets_of_set
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.roles import needs, of_image_set
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/image-sets")


@router.get("/{name}/freeze", dependencies=[needs(Role.WRITER, of_image_set)])
def form(request: Request, session: SessionOf, name: str) -> Response:
    """What a freeze can be told, and the datasets that the set has already."""
    image_set = find_image_set(session, name)
    facts = {
        "set": image_set.name,
        "levels": image_set.layout.split("/") if image_set.layout else [],
        "datasets": datasets_of_set(session, image_set),
    }
    return render(request, "freeze.html", facts)
