"""Captions: made from tags, appended to a member's history, never overwritten."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import numbered_member
from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.formats.clip_tokens import token_count
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import Caption, CaptionHead, Change
from sdxl_reg.vocabulary import CaptionSource

DEFAULT_TEMPLATE = "{tags}"
SEPARATOR = ", "
PLACES = ("tags", "set", "name", "trigger")
"""What a template may name beside the levels of the set."""
_PLACE = re.compile(r"\{([^{}]*)\}")
_REMEDY = 'Write "{tags}, on black"'


@dataclass(frozen=True, kw_only=True)
class CaptionEntry:
    """A text that a member has had.

    Attributes:
        caption_id: Its row.
        text: What it says.
        source: Who wrote it.
        author: Their name, or the model's, if known.
        tokens: How many of CLIP's it has, without start and end.
        created_at: When it was written.
        is_present: Whether it is the member's caption now.
        change: What it was part of, in a sentence; none where it came alone.
        is_undone: Whether that change was undone.
    """

    caption_id: int
    text: str
    source: CaptionSource
    author: str | None
    tokens: int
    created_at: datetime
    is_present: bool
    change: str | None
    is_undone: bool


def caption_from_tags(
    template: str, *, tags: Mapping[str, str], image_set: str, name: str = ""
) -> str:
    """The caption a template gives for a picture.

    Args:
        template: Text with places: `{tags}` for all tags joined by commas, `{set}`, `{name}` for
            the name of the file, and the name of a level such as `{brand}` for one tag.
        tags: Level → name of the tag, from the top.
        image_set: Name of the set.
        name: Of the file, without its suffix.

    Returns:
        The text; where a level has no tag its place is left out together with its comma. A comma
        inside a name becomes a space, because it would split the caption.
    """
    values = {level: [tag] for level, tag in tags.items()}
    values |= {"tags": list(tags.values()), "set": [image_set], "name": [name]}
    return filled(template, values)


def filled(
    template: str,
    values: Mapping[str, Sequence[str]],
    *,
    caption: str = "",
    separator: str = SEPARATOR,
) -> str:
    """A template with something in its places.

    Args:
        template: As `caption_from_tags` takes it. A place may be marked as one that can stay empty,
            `{defect?}`, which changes nothing, and may say some of its words in others:
            `{tags|flawless=|spot=white spot}`.
        values: Place → its words; a place that is not here stays empty.
        caption: What stands in the place `{caption}`, commas and all.
        separator: Between the parts that commas separate in the template.

    Returns:
        The text; a part with nothing in it is left out together with its comma.
    """

    def put(place: re.Match[str]) -> str:
        name, words = _place(place[1])
        if name == "caption":
            return caption
        said = (words.get(name_key(value), _plain(value)) for value in values.get(name, ()))
        return ", ".join(said)

    parts = (" ".join(part.split()) for part in _PLACE.sub(put, template).split(","))
    return separator.join(part for part in parts if part)


def composed_template(
    template: str,
    *,
    prefix: str = "",
    suffix: str = "",
    trigger: str = "",
    words: Mapping[str, str] | None = None,
) -> str:
    """One template out of a template and what is said beside it.

    Args:
        template: As `filled` takes it.
        prefix: What comes before it.
        suffix: What comes after it.
        trigger: The word that an adapter is taught with; stands first, or at `{trigger}`.
        words: Name of a tag → what is said instead; empty: nothing.

    Raises:
        InvalidValue: A word holds a sign that templates are written with.
    """
    for word in (trigger, *(words or {}), *(words or {}).values()):
        if re.search(r"[{}|]", word) or (word in (words or {}) and "=" in word):
            raise InvalidValue(
                "a word of the caption holds a sign of templates", word, remedy="Leave out {}|="
            )
    if "{trigger}" not in template:
        prefix = ", ".join(part for part in (trigger, prefix) if part)
    spoken = template.replace("{trigger}", trigger)
    if words:
        said = "".join(f"|{word}={instead}" for word, instead in words.items())
        spoken = _PLACE.sub(lambda place: f"{{{place[1]}{said}}}", spoken)
    return ", ".join(part for part in (prefix, spoken, suffix) if part)


def check_template(template: str, levels: Sequence[str], *, also: Collection[str] = ()) -> str:
    """A template that can be used.

    Args:
        template: As `filled` takes it.
        levels: Of the set.
        also: Further places that it may have: `caption`.

    Raises:
        UnknownName: A place is neither of `PLACES` nor a level.
        InvalidValue: A brace has no partner, or a place does not say what a word becomes.
    """
    known = [*PLACES, *also, *levels]
    for place in _PLACE.findall(template):
        name = _place(place)[0]
        if name not in known and not re.fullmatch(r"level\d+", name):
            raise UnknownName("place in the caption", name, known)
        if not all("=" in said for said in place.split("|")[1:]):
            raise InvalidValue(
                "a place of the caption does not say what its word becomes",
                f"{{{place}}}",
                remedy="Write {tags|flawless=|spot=white spot}",
            )
    if re.search(r"[{}]", _PLACE.sub("", template)):
        raise InvalidValue("a brace of the caption has no partner", template, remedy=_REMEDY)
    return template


def places_of(template: str) -> set[str]:
    """The names of a template's places."""
    return {_place(place)[0] for place in _PLACE.findall(template)}


def add_caption(
    session: Session,
    member_id: int,
    text: str,
    *,
    source: CaptionSource,
    author: str | None = None,
    change: Change | None = None,
) -> bool:
    """Make a text the caption of a member; the texts before it are kept.

    Args:
        session: The transaction.
        member_id: The member.
        text: The caption.
        source: Who wrote it.
        author: Their name, if known.
        change: What it is part of.

    Returns:
        Whether anything changed: the same text of the same source is not written twice.
    """
    head = session.get(CaptionHead, member_id)
    if head is not None and (head.caption.text, head.caption.source) == (text, source):
        return False
    caption = Caption(
        member_id=member_id,
        text=text,
        source=source,
        author=author,
        parent_id=head.caption_id if head else None,
        tokens=token_count(text),
        change_id=change.id if change else None,
    )
    session.add(caption)
    session.flush()
    if head is None:
        session.add(CaptionHead(member_id=member_id, caption_id=caption.id))
    else:
        head.caption_id = caption.id
        head.caption = caption
    session.flush()
    return True


def caption_history(session: Session, member_id: int) -> Sequence[Caption]:
    """Every caption a member has had, the newest first.

    Raises:
        NotFound: No such member.
    """
    numbered_member(session, member_id)
    return session.scalars(
        select(Caption).where(Caption.member_id == member_id).order_by(Caption.id.desc())
    ).all()


def caption_entries(session: Session, member_id: int) -> list[CaptionEntry]:
    """Every caption a member has had with what it was part of, the newest first.

    Raises as `caption_history` does.
    """
    captions = caption_history(session, member_id)
    head = session.get(CaptionHead, member_id)
    parts = {caption.change_id for caption in captions if caption.change_id}
    changes = {c.id: c for c in session.scalars(select(Change).where(Change.id.in_(parts)))}
    return [_entry(c, head, changes.get(c.change_id or 0)) for c in captions]


def _entry(caption: Caption, head: CaptionHead | None, change: Change | None) -> CaptionEntry:
    return CaptionEntry(
        caption_id=caption.id,
        text=caption.text,
        source=CaptionSource(caption.source),
        author=caption.author,
        tokens=token_count(caption.text) if caption.tokens is None else caption.tokens,
        created_at=caption.created_at,
        is_present=head is not None and head.caption_id == caption.id,
        change=change.summary if change else None,
        is_undone=change is not None and change.undone_at is not None,
    )


def _place(place: str) -> tuple[str, dict[str, str]]:
    """The name of a place, and what its words become."""
    name, *said = place.split("|")
    pairs = (words.partition("=") for words in said)
    return name.strip().removesuffix("?"), {name_key(old.strip()): new for old, _, new in pairs}


def _plain(name: str) -> str:
    return name.replace(",", " ").replace("，", " ")
