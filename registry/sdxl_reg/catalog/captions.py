"""Captions: made from tags, appended to a member's history, never overwritten."""

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.errors import InvalidValue, NotFound, UnknownName
from sdxl_reg.tables import Caption, CaptionHead, Member
from sdxl_reg.vocabulary import CaptionSource

DEFAULT_TEMPLATE = "{tags}"
_PLACE = re.compile(r"\{([^{}]*)\}")


def caption_from_tags(template: str, *, tags: Mapping[str, str], image_set: str) -> str:
    """The caption a template gives for a picture.

    Args:
        template: Text with places: `{tags}` for all tags joined by commas, `{set}`, and the name
            of a level such as `{brand}` for one tag.
        tags: Level → name of the tag, from the top.
        image_set: Name of the set.

    Returns:
        The text; where a level has no tag its place is left out together with its comma. A comma
        inside a name becomes a space, because it would split the caption.
    """
    values = {level: _plain(name) for level, name in tags.items()}
    values |= {"tags": ", ".join(values.values()), "set": _plain(image_set)}
    text = _PLACE.sub(lambda place: values.get(place[1].strip(), ""), template)
    parts = (" ".join(part.split()) for part in text.split(","))
    return ", ".join(part for part in parts if part)


def check_template(template: str, levels: Sequence[str]) -> str:
    """A template that can be used.

    Raises:
        UnknownName: A place is neither `tags`, `set` nor a level.
        InvalidValue: A brace has no partner.
    """
    known = ["tags", "set", *levels]
    for place in _PLACE.findall(template):
        if place.strip() not in known and not re.fullmatch(r"level\d+", place.strip()):
            raise UnknownName("place in the caption", place, known)
    if re.search(r"[{}]", _PLACE.sub("", template)):
        raise InvalidValue(
            "a brace of the caption has no partner", template, remedy='Write "{tags}, on black"'
        )
    return template


def add_caption(
    session: Session,
    member_id: int,
    text: str,
    *,
    source: CaptionSource,
    author: str | None = None,
) -> bool:
    """Make a text the caption of a member; the texts before it are kept.

    Args:
        session: The transaction.
        member_id: The member.
        text: The caption.
        source: Who wrote it.
        author: Their name, if known.

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
    if session.get(Member, member_id) is None:
        raise NotFound("member", str(member_id))
    return session.scalars(
        select(Caption).where(Caption.member_id == member_id).order_by(Caption.id.desc())
    ).all()


def _plain(name: str) -> str:
    return name.replace(",", " ").replace("，", " ")
