"""Fields of selectors as conditions: caption, tokens, sizes, quality, format, path, likeness."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.member_runs import in_numbers
from sdxl_reg.catalog.near_images import ids_within
from sdxl_reg.catalog.selectors import Fact, path_pattern
from sdxl_reg.errors import InvalidValue, NotFound, UnknownName
from sdxl_reg.imaging import quality
from sdxl_reg.store.database import folded
from sdxl_reg.tables import (
    Blob,
    Caption,
    CaptionHead,
    Crop,
    GeneratedPicture,
    GridCell,
    Image,
    ImageSet,
    Member,
)
from sdxl_reg.vocabulary import MemberState

SIMILAR_WITHIN = 6  # of the 64 bits of a perceptual hash may differ

_SHORTER = case((Image.width < Image.height, Image.width), else_=Image.height)
_LONGER = case((Image.width < Image.height, Image.height), else_=Image.width)
_SIZES: Mapping[str, ColumnElement[int]] = {
    "size": _SHORTER,
    "width": Image.width.expression,
    "height": Image.height.expression,
    "pixels": Image.width * Image.height,
}
_QUALITIES: Mapping[str, ColumnElement[bool]] = {
    "blurred": (Image.sharpness < quality.BLURRED_BELOW) & (Image.contrast >= quality.FLAT_BELOW),
    "dark": Image.brightness < quality.DARK_BELOW,
    "bright": Image.brightness > quality.BRIGHT_ABOVE,
    "flat": Image.contrast < quality.FLAT_BELOW,
    "small": _SHORTER < quality.SMALL_BELOW,
    "strip": _LONGER > _SHORTER * quality.STRIP_ABOVE,
}
_FORMATS = {"JPG": "JPEG", "TIF": "TIFF", "HEIC": "HEIF"}
_NUMBER = r"\d+(?:\.\d+)?"
_COMPARISON = re.compile(rf"(>=|<=|>|<|=|)\s*({_NUMBER})")
_PLAIN = re.compile(r"[ -)+->@-~]+")  # what of a glob any database finds in any case
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")


@dataclass(frozen=True)
class _Question:
    session: Session
    image_set: ImageSet
    fact: Fact


def condition_of(session: Session, image_set: ImageSet, fact: Fact) -> ColumnElement[bool]:
    """The condition on `Member` that a field means.

    Args:
        session: The transaction.
        image_set: Whose members are asked for.
        fact: The field and its value.

    Raises:
        InvalidValue: The value is no number where one is asked for.
        UnknownName: It is not among the words that the field knows.
        NotFound: It names no picture of the set.
    """
    return _CONDITIONS[fact.field](_Question(session, image_set, fact))


def _caption(asked: _Question) -> ColumnElement[bool]:
    if asked.fact.value.casefold() == "none" and not asked.fact.is_quoted:
        return ~_captioned(Caption.text != "")
    return _captioned(_contains(asked.session, asked.fact.value))


def _contains(session: Session, word: str) -> ColumnElement[bool]:
    """Whether a caption has a word in it, whatever the case of either."""
    if session.get_bind().dialect.name != "sqlite":
        return func.strpos(_lowered(Caption.text), _lowered(word)) > 0
    if word.isascii():
        return Caption.text.contains(word, autoescape=True)  # LIKE folds a to z, and quickly
    return func.instr(func.casefold(Caption.text), folded(word)) > 0


def _lowered(text: object) -> ColumnElement[str]:
    return func.lower(func.normalize(text).collate("und-x-icu"))


def _captioned(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a member's caption is so; the query around may ask for captions of its own."""
    return (
        exists()
        .where(CaptionHead.member_id == Member.id)
        .where(Caption.id == CaptionHead.caption_id, condition)
        .correlate(Member)
    )


def _tokens(asked: _Question) -> ColumnElement[bool]:
    return _captioned(_compared(asked.fact, Caption.tokens.expression))


def _size(asked: _Question) -> ColumnElement[bool]:
    return _of_image(_compared(asked.fact, _SIZES[asked.fact.field]))


def _quality(asked: _Question) -> ColumnElement[bool]:
    return _of_image(_known(asked.fact, _QUALITIES))


def _format(asked: _Question) -> ColumnElement[bool]:
    wanted = asked.fact.value.upper()
    return _of_image(Image.format == _FORMATS.get(wanted, wanted))


def _is(asked: _Question) -> ColumnElement[bool]:
    drawn = or_(
        exists().where(GeneratedPicture.image_id == Member.image_id).correlate(Member),
        _of_image(exists().where(GridCell.blob_id == Image.blob_id).correlate(Image)),
    )
    words = {
        "missing": Member.state == MemberState.MISSING,
        "present": Member.state == MemberState.PRESENT,
        "synthetic": drawn,
        "captioned": _captioned(Caption.text != ""),
        "cropped": exists().where(Crop.member_id == Member.id).correlate(Member),
    }
    return _known(asked.fact, words)


def _path(asked: _Question) -> ColumnElement[bool]:
    """A glob without / is one on the name of the file, wherever it lies."""
    glob = asked.fact.value
    pattern = path_pattern(glob if "/" in glob.strip("/") else f"**/{glob}")
    plain = max(_PLAIN.findall(glob), key=len, default="")
    # The plain search passes over most rows before the slow one looks at them. Both databases read
    # the notation alike. The path gets its / in front, as the pattern has it.
    return Member.source_path.icontains(plain.strip("/"), autoescape=True) & (
        literal("/") + Member.source_path
    ).regexp_match(rf"(?i)\A(?:{pattern})\Z")


def _similar(asked: _Question) -> ColumnElement[bool]:
    name, _, distance = asked.fact.value.partition("~")
    if distance and not (distance.isdecimal() and int(distance) <= 64):
        raise _no_number(asked.fact, "0 to 64")
    image = _picture_of(asked.session, asked.image_set, name)
    within = int(distance) if distance else SIMILAR_WITHIN
    near = [row for row, _ in ids_within(asked.session, image, distance=within)]
    return in_numbers(asked.session, Member.image_id.expression, [image.id, *near])


def _picture_of(session: Session, image_set: ImageSet, name: str) -> Image:
    """The picture of a set at a path, else that of the beginning of a digest."""
    own = select(Member.image_id).where(Member.image_set_id == image_set.id)
    at_path = own.where(Member.source_path == name)
    found = session.scalars(select(Image).where(Image.id.in_(at_path))).all()
    if not found and re.fullmatch(r"[0-9a-fA-F]{4,64}", name):
        begins = select(Image).join(Blob).where(Blob.sha256.startswith(name.lower()))
        found = session.scalars(begins.where(Image.id.in_(own)).limit(2)).all()
    if len(found) != 1:
        raise NotFound(
            f"picture of {image_set.name}",
            name,
            remedy="Give its path in the set, or enough of its SHA-256 to be unique",
        )
    if found[0].phash is None:
        raise InvalidValue(
            "the picture has nothing to be compared by yet", name, remedy="Ingest the set again"
        )
    return found[0]


def _of_image(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Image.id == Member.image_id, condition).correlate(Member)


def _known(fact: Fact, words: Mapping[str, ColumnElement[bool]]) -> ColumnElement[bool]:
    word = fact.value.casefold()
    if word not in words:
        raise UnknownName(f"word for {fact.field}:", fact.value, words)
    return words[word]


def _compared(fact: Fact, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """A column against `512`, `<512`, `>=512` or `512..1024`."""
    text = fact.value.strip()
    if between := _RANGE.fullmatch(text):
        return column.between(float(between[1]), float(between[2]))
    compared = _COMPARISON.fullmatch(text)
    if compared is None:
        raise _no_number(fact, "a number such as 512, <512, >=512 or 512..1024")
    sign, number = compared[1] or "=", float(compared[2])
    operations: Mapping[str, ColumnElement[bool]] = {
        ">": column > number,
        ">=": column >= number,
        "<": column < number,
        "<=": column <= number,
        "=": column == number,
    }
    return operations[sign]


def _no_number(fact: Fact, wanted: str) -> InvalidValue:
    return InvalidValue(
        f"{fact.field}: takes no such number", fact.value, remedy=f"Write {wanted} after it"
    )


_CONDITIONS: Mapping[str, Callable[[_Question], ColumnElement[bool]]] = {
    "caption": _caption,
    "tokens": _tokens,
    **dict.fromkeys(_SIZES, _size),
    "quality": _quality,
    "format": _format,
    "is": _is,
    "path": _path,
    "similar": _similar,
}
