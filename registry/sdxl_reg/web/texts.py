"""Texts that every database takes: PostgreSQL knows no NUL in them, and nobody means one."""

import re

from fastapi import Request

from sdxl_reg.errors import InvalidValue
from sdxl_reg.web.same_site import is_of_files

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # JSON holds none but as this


async def require_texts(request: Request) -> None:
    """Refuse an address or a body with a NUL character in a text; bytes of files are none.

    Raises:
        InvalidValue: There is one.
    """
    in_query = any("\0" in value for _, value in request.query_params.multi_items())
    if in_query or "\0" in request.url.path or "\0" in request.scope["path"]:
        raise _refusal("address")
    if is_of_files(request):
        return  # no text, and too long to be gathered
    if b"\\u0000" in (body := await request.body()) and _ESCAPED_NUL.search(body):
        raise _refusal("body")


def _refusal(where: str) -> InvalidValue:
    return InvalidValue(f"a text in the {where}", "holds a NUL character", remedy="Leave it out")
