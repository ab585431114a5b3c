"""Selectors: which members of an image set are meant, by their tags, captions and pictures.

A term is a glob on the whole path of a tag (`qzy/flawed/**`, `**/spot`), on the name at one level
(`brand:qzy`, `defect:s*`), or says something of the picture itself (`size:<512`, `caption:rim`;
`FIELDS` has them all). A tag that matches selects everything below it too. Terms combine with AND,
OR, NOT and parentheses; terms side by side mean AND. Names with spaces are written in double
quotes. Upper and lower case make no difference.

    selector := and ("OR" and)*        and := not ("AND"? not)*
    not      := "NOT" not | "(" selector ")" | term
"""

import functools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.imaging.names import name_key

FIELDS = {
    "caption": "a word of the caption; none: pictures without one",
    "tokens": "CLIP tokens of the caption: >75, 10..20",
    "size": "pixels of the shorter side: <512",
    "width": "pixels: >=1024",
    "height": "pixels: >=1024",
    "pixels": "width × height: <1000000",
    "quality": "blurred, dark, bright, flat, small or strip",
    "format": "as found in the bytes: png",
    "is": "missing, present, synthetic, captioned or cropped",
    "path": "glob on where the file lies, or on its name: *.png",
    "similar": "a picture like this one: its path, or the beginning of its SHA-256; ~8 after it "
    "for how many of 64 bits may differ",
}

_WORD = re.compile(r'\s*(?:(?P<mark>[()])|(?P<text>(?:"[^"]*"|[^\s()"])+)|(?P<bad>\S))')
_FIELD = re.compile(r'([^\s:/*?"]+):(.+)')


@dataclass(frozen=True)
class Term:
    """One glob, on paths or on the names of one level."""

    glob: str
    level: str = ""

    def matches(self, path: str, level: str) -> bool:
        """Whether a tag is meant.

        Args:
            path: Names from the root, joined by /.
            level: What the set's layout calls its depth.
        """
        if self.level:
            return level == self.level and path_matches(self.glob, path.rpartition("/")[2])
        return path_matches(self.glob, path)


@dataclass(frozen=True)
class Fact:
    """Something a picture has: one of `FIELDS` with what it shall be.

    Attributes:
        field: One of `FIELDS`.
        value: As written, without quotation marks.
        is_quoted: Whether it stood in quotation marks, which take words literally.
    """

    field: str
    value: str
    is_quoted: bool = False


@dataclass(frozen=True)
class Not:
    """What a selector does not select."""

    inner: "Selector"


@dataclass(frozen=True)
class And:
    """What all of several selectors select."""

    parts: "tuple[Selector, ...]"


@dataclass(frozen=True)
class Or:
    """What any of several selectors selects."""

    parts: "tuple[Selector, ...]"


Selector = Term | Fact | Not | And | Or


def parse_selector(
    text: str, *, levels: Sequence[str] = (), fields: Collection[str] = FIELDS.keys()
) -> Selector:
    """Read a selector.

    Args:
        text: As the user wrote it, not empty.
        levels: The names of levels; they go before fields of the same name.
        fields: What else may be asked for; by default `FIELDS`.

    Returns:
        The selector as a tree.

    Raises:
        InvalidValue: It is of the wrong form.
        UnknownName: A field is neither a level nor one of those.
    """
    parser = _Parser(text, levels, fields)
    selector = parser.any_of()
    if parser.peek() is not None:
        raise parser.fault(f"{parser.peek()!r} is out of place")
    return selector


def path_matches(glob: str, path: str) -> bool:
    """Whether a glob means a tag path: `*` and `?` within a name, `**` for any number of names."""
    pattern = path_pattern(name_key(glob))
    return re.fullmatch(pattern, "/" + name_key(path), re.DOTALL) is not None


@functools.lru_cache(maxsize=256)
def path_pattern(glob: str) -> str:
    """A glob on paths as a regular expression, for paths that begin with a /.

    Args:
        glob: `*` and `?` within a name, `**` for any number of names.
    """
    parts = []
    for name in glob.strip("/").split("/"):
        if name == "**":
            parts.append("(?:/[^/]*)*")
        else:
            parts.append("/" + re.escape(name).replace(r"\*", "[^/]*").replace(r"\?", "[^/]"))
    return "".join(parts)


class _Parser:
    def __init__(self, text: str, levels: Sequence[str], fields: Collection[str]) -> None:
        self.text = text
        self.levels = levels
        self.fields = fields
        self.words: list[str] = []
        for match in _WORD.finditer(text):
            if match["bad"]:
                raise self.fault("a quotation mark has no partner")
            self.words.append(match["mark"] or match["text"])
        self.at = 0

    def peek(self) -> str | None:
        return self.words[self.at] if self.at < len(self.words) else None

    def fault(self, what: str) -> InvalidValue:
        return InvalidValue(
            f"the selector is not of the right form, {what}",
            self.text,
            remedy="Write globs and fields: 'qzy/flawed/**', '**/spot AND NOT brand:qzy'",
        )

    def any_of(self) -> Selector:
        parts = [self._all_of()]
        while self.peek() == "OR":
            self.at += 1
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all_of(self) -> Selector:
        parts = [self._one()]
        while self.peek() not in (None, "OR", ")"):
            if self.peek() == "AND":
                self.at += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Selector:
        word = self.peek()
        if word is None or word in ("AND", "OR", ")"):
            raise self.fault("a term is missing" + (f" before {word}" if word else ""))
        self.at += 1
        if word == "NOT":
            return Not(self._one())
        if word != "(":
            return self._term(word)
        inner = self.any_of()
        if self.peek() != ")":
            raise self.fault("a parenthesis is not closed")
        self.at += 1
        return inner

    def _term(self, word: str) -> Term | Fact:
        field = _FIELD.fullmatch(word)
        if field is None:
            return Term(word.replace('"', ""))
        name, value = name_key(field[1]), field[2].replace('"', "")
        if name in self.levels:
            return Term(value, name)
        if name not in self.fields:
            raise UnknownName("field", field[1], [*self.levels, *self.fields])
        if not value.strip():
            raise self.fault(f"{name}: says nothing")
        return Fact(name, value, is_quoted='"' in field[2])
