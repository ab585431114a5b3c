"""Whether the server works."""

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import text

from sdxl_reg import __version__
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.schemas.base import Document

router = APIRouter(tags=["health"])


class Health(Document):
    """The server works."""

    status: Literal["ok"]
    version: str


@router.get("/healthz", summary="Whether the server and its database answer")
def healthz(session: SessionOf) -> Health:
    """Answers 200 when the database answers, else 503."""
    session.execute(text("SELECT 1"))
    return Health(status="ok", version=__version__)
