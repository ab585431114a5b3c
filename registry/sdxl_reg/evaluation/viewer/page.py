"""The viewer as HTML: its document, style and script in one page that asks nobody for anything."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from sdxl_reg import __version__

SCRIPTS = (
    "elements",
    "model",
    "address",
    "zoom",
    "heat",
    "table",
    "side",
    "stage",
    "scores",
    "bar",
    "keys",
    "main",
)
"""In the order in which they build on each other."""

GENERATOR = "sdxl-reg grid viewer"
"""How a page says what wrote it."""


@cache
def viewer_script() -> str:
    """The script, for a page or a server: it draws into `#grid-viewer`.

    The page holds its document as `<script type="application/json" id="grid-document">`; others
    call `SdxlRegGrid.mount(element, document, options)`, where the option `actions` makes buttons
    for a cell out of it.
    """
    folder = files(__package__) / "scripts"
    parts = [(folder / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


@cache
def viewer_style() -> str:
    """The style sheet; every rule of it begins with `.gv`."""
    return (files(__package__) / "viewer.css").read_text("utf-8")


def page_text(document: Mapping[str, Any]) -> str:
    """A whole page that shows a document.

    Its content policy allows this script, this style and pictures: what a prompt says cannot run,
    and nothing is loaded from elsewhere.

    Args:
        document: From `view_document`.
    """
    script, style = viewer_script(), viewer_style()
    policy = (
        f"default-src 'none'; img-src 'self' file: data: blob:; script-src {_source(script)}; "
        f"style-src {_source(style)}; base-uri 'none'; form-action 'none'"
    )
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta name="generator" content="{GENERATOR} {__version__}">\n'
        f"<title>{escape(str(document['title']))}</title>\n"
        '<link rel="icon" href="data:,">\n'
        f'<style>{style}</style>\n</head>\n<body class="gv-page">\n'
        '<div id="grid-viewer"><noscript>This page needs JavaScript.</noscript></div>\n'
        f'<script type="application/json" id="grid-document">{json_text(document)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def json_text(document: Mapping[str, Any]) -> str:
    """A document as JSON that may stand inside `<script>`: nothing in it can end the element.

    Args:
        document: From `view_document`.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
