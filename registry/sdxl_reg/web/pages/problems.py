"""What the kinds of problems mean; for everybody, since it is about signing in as well."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from sdxl_reg.catalog.access.visibility import show_to
from sdxl_reg.errors import NotFound
from sdxl_reg.web.problem_types import ADDRESS, problem_types
from sdxl_reg.web.templating import render


async def nobody() -> None:
    """Have a page shown as to a stranger, whoever asked before on this connection."""
    show_to(None)


router = APIRouter(include_in_schema=False, dependencies=[Depends(nobody)])


@router.get(f"{ADDRESS}/{{code}}")
def one(request: Request, code: str) -> Response:
    """A kind of problem, and the others there are.

    Raises:
        NotFound: There is none of that code.
    """
    kinds = problem_types()
    if code not in kinds:
        raise NotFound("kind of problem", code, kinds)
    return render(request, "problem.html", {"kind": kinds[code], "kinds": kinds.values()})
