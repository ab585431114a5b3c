"""Changing captions: one or many at once, each time as a change that can be undone as a whole.

Members are meant by a selector (empty: every one whose file is there) or by the numbers of their
rows. A caption that is changed here is a person's from then on, and an ingest leaves it as it is;
only a template for a whole set stays the set's own, for pictures that come later too.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal

from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_places import places_of_members
from sdxl_reg.catalog.caption_rows import (
    TEMPLATED,
    CaptionReport,
    CaptionTarget,
    Edit,
    NewCaption,
    Selection,
    point_back,
    rewrite,
)
from sdxl_reg.catalog.captions import (
    SEPARATOR,
    check_template,
    composed_template,
    filled,
    places_of,
)
from sdxl_reg.catalog.images import numbered_member
from sdxl_reg.catalog.journal import take_last
from sdxl_reg.errors import InvalidValue, NotFound, UnknownName
from sdxl_reg.formats.bounded_regex import BoundedRegex
from sdxl_reg.tables import Caption, Change, ImageSet
from sdxl_reg.vocabulary import CaptionSource

OVER_BY_DEFAULT = frozenset({CaptionSource.TAGS, CaptionSource.SIDECAR})
"""Whose captions a template replaces unless it is told otherwise."""
How = Literal["text", "tag", "regex"]
Order = Literal["kept", "sorted"]
Place = Literal["start", "end"]
_HOWS: tuple[How, ...] = ("text", "tag", "regex")


def apply_template(
    session: Session,
    image_set: ImageSet,
    template: str,
    *,
    select: Selection = "",
    prefix: str = "",
    suffix: str = "",
    trigger: str = "",
    words: Mapping[str, str] | None = None,
    separator: str = SEPARATOR,
    over: Collection[CaptionSource] = OVER_BY_DEFAULT,
    author: str | None = None,
    dry_run: bool = False,
) -> CaptionReport:
    """Give members the captions of a template.

    Args:
        session: The transaction.
        image_set: The set.
        template: As `captions.filled` takes it; `{caption}` is what a member's caption was.
        select: Which members. For all of them the template stays the set's: an ingest gives it to
            new pictures.
        prefix: What comes before it.
        suffix: What comes after it.
        trigger: The word that an adapter is taught with; stands first, or at `{trigger}`.
        words: Name of a tag → what is said instead; empty: nothing.
        separator: Between the parts of the caption.
        over: Whose captions may be replaced; members without one are always given one.
        author: Who did it, if known.
        dry_run: Whether only to say what would be changed.

    Raises:
        InvalidValue: The template, a word or the selector is of the wrong form.
        UnknownName: A place of the template, or a level of the selector, is not there.
    """
    whole = composed_template(template, prefix=prefix, suffix=suffix, trigger=trigger, words=words)
    check_template(whole, image_set.layout.split("/"), also=("caption",))
    stays = select == "" and separator == SEPARATOR and "caption" not in places_of(whole)
    edit = Edit(
        verb=TEMPLATED,
        doing=f"The template {whole!r}",
        author=author,
        undo={"template": image_set.caption_template} if stays else {},
        over=frozenset(over),
    )

    def rewriter(targets: Sequence[CaptionTarget]) -> list[NewCaption]:
        places = places_of_members(session, image_set, targets)
        return [
            NewCaption(
                target=target,
                text=filled(
                    whole, places[target.member_id], caption=target.text, separator=separator
                ),
                source=_source_of_template(target) if stays else CaptionSource.PERSON,
            )
            for target in targets
        ]

    report = rewrite(session, image_set, edit, rewriter, select=select, dry_run=dry_run)
    if stays and not dry_run:
        image_set.caption_template = whole
        session.flush()
    return report


def replace(
    session: Session,
    image_set: ImageSet,
    search: str,
    replacement: str,
    *,
    how: How = "text",
    select: Selection = "",
    ignore_case: bool = False,
    author: str | None = None,
    dry_run: bool = False,
) -> CaptionReport:
    """Search and replace in captions.

    Args:
        session: The transaction.
        image_set: The set.
        search: What to look for.
        replacement: What stands there instead; empty takes it out.
        how: `text` looks for the letters anywhere, `tag` for whole parts between commas, `regex`
            for matches of a regular expression, whose groups are `\\1` in the replacement.
        select: Which members.
        ignore_case: Whether upper and lower case make no difference.
        author: Who did it, if known.
        dry_run: Whether only to say what would be changed.

    Raises:
        InvalidValue: There is nothing to look for, the expression is none or takes too long, or
            the selector is of the wrong form.
        UnknownName: No such way to search, or no such level.
    """
    if how not in _HOWS:
        raise UnknownName("way to search captions", how, _HOWS)
    if not search:
        raise InvalidValue("nothing to look for", repr(search), remedy="Give a text")
    doing = f"{search!r} was taken out" if not replacement else f"{search!r} became {replacement!r}"
    edit = Edit(verb="captions.replaced", doing=doing, author=author)

    def run(change: Callable[[list[str]], list[str]]) -> CaptionReport:
        rewriter = _by_text(change)
        return rewrite(session, image_set, edit, rewriter, select=select, dry_run=dry_run)

    if how == "regex":
        with BoundedRegex(search, replacement, ignore_case=ignore_case) as regex:
            return run(lambda texts: _tidied(texts, regex.sub(texts)))
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    pattern = re.compile(re.escape(search.strip() if how == "tag" else search), flags)
    if how == "tag":
        return run(lambda texts: [_with_tag(text, pattern, replacement) for text in texts])
    return run(lambda texts: _tidied(texts, [pattern.sub(lambda _: replacement, t) for t in texts]))


def edit_tags(
    session: Session,
    image_set: ImageSet,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    at: Place = "end",
    order: Order = "kept",
    select: Selection = "",
    member_ids: Sequence[int] | None = None,
    author: str | None = None,
    dry_run: bool = False,
) -> CaptionReport:
    """Change captions as lists of tags between commas; each tag stands once afterwards.

    Args:
        session: The transaction.
        image_set: The set.
        add: Tags that are to be there; one that is there already stays where it is.
        remove: Tags that are not to be there, whatever their case.
        at: Where tags are added: at the `start` or the `end`.
        order: `sorted` puts them in the order of the alphabet, `kept` leaves them.
        select: Which members.
        member_ids: Which members instead, by their rows.
        author: Who did it, if known.
        dry_run: Whether only to say what would be changed.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
    """
    edit = Edit(verb="captions.retagged", doing=_doing(add, remove, order), author=author)
    rewriter = _by_text(lambda texts: [_retagged(t, add, remove, at, order) for t in texts])
    selection = select if member_ids is None else member_ids
    return rewrite(session, image_set, edit, rewriter, select=selection, dry_run=dry_run)


def set_caption(
    session: Session, member_id: int, text: str, author: str | None = None
) -> CaptionReport:
    """Make a text the caption of one member.

    Args:
        session: The transaction.
        member_id: The member.
        text: The caption; empty leaves it without words.
        author: Who wrote it, if known.

    Raises:
        NotFound: No such member.
    """
    image_set = numbered_member(session, member_id).image_set
    edit = Edit(verb="captions.set", doing=f"{text!r} was written", author=author)
    return rewrite(
        session,
        image_set,
        edit,
        lambda targets: [NewCaption(target=target, text=tidy(text)) for target in targets],
        select=[member_id],
    )


def revert(session: Session, caption_id: int, author: str | None = None) -> CaptionReport:
    """Give a member an earlier caption of its own again.

    Args:
        session: The transaction.
        caption_id: Of the earlier caption.
        author: Who did it, if known.

    Raises:
        NotFound: No such caption.
    """
    earlier = session.get(Caption, caption_id)
    if earlier is None:
        raise NotFound("caption", str(caption_id), remedy="See: sdxl-reg captions show SET PATH")
    image_set = numbered_member(session, earlier.member_id).image_set
    text = earlier.text
    edit = Edit(verb="captions.reverted", doing=f"{text!r} was taken up again", author=author)
    return rewrite(
        session,
        image_set,
        edit,
        lambda targets: [NewCaption(target=target, text=text) for target in targets],
        select=[earlier.member_id],
    )


def undo_captions(session: Session, image_set: ImageSet) -> Change:
    """Take back the last change of captions that was not taken back yet.

    Args:
        session: The transaction.
        image_set: The set.

    Returns:
        What was undone. Captions that were given since, by an ingest, stay.

    Raises:
        NotFound: There is nothing to undo.
    """
    change = take_last(session, "captions.", image_set=image_set)
    point_back(session, change)
    if "template" in change.undo:
        image_set.caption_template = change.undo["template"]
    session.flush()
    return change


def tidy(text: str) -> str:
    """A caption without empty parts between commas, double spaces or line breaks."""
    parts = (" ".join(part.split()) for part in text.split(","))
    return SEPARATOR.join(part for part in parts if part)


def _by_text(
    change: Callable[[list[str]], list[str]],
) -> Callable[[Sequence[CaptionTarget]], list[NewCaption]]:
    """A rewriter that looks at nothing but the texts, and at equal ones once."""

    def rewriter(targets: Sequence[CaptionTarget]) -> list[NewCaption]:
        texts = list(dict.fromkeys(target.text for target in targets))
        after = dict(zip(texts, change(texts), strict=True))
        return [NewCaption(target=target, text=after[target.text]) for target in targets]

    return rewriter


def _tidied(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The texts after a change; what was not changed keeps its commas and spaces as they are."""
    pairs = zip(before, after, strict=True)
    return [old if old == new else tidy(new) for old, new in pairs]


def _with_tag(text: str, pattern: re.Pattern[str], replacement: str) -> str:
    tags = _tags(text)
    if not any(pattern.fullmatch(tag) for tag in tags):
        return text
    return tidy(SEPARATOR.join(replacement if pattern.fullmatch(t) else t for t in tags))


def _retagged(text: str, add: Iterable[str], remove: Iterable[str], at: Place, order: Order) -> str:
    gone = {tag.strip().casefold() for tag in remove}
    kept: dict[str, str] = {}
    for tag in _tags(text):
        if tag.casefold() not in gone:
            kept.setdefault(tag.casefold(), tag)
    tags = list(kept.values())
    new = [t for t in _tags(SEPARATOR.join(add)) if t.casefold() not in kept]
    tags = [*new, *tags] if at == "start" else [*tags, *new]
    return SEPARATOR.join(sorted(tags, key=str.casefold) if order == "sorted" else tags)


def _doing(add: Sequence[str], remove: Sequence[str], order: Order) -> str:
    said = [f"{SEPARATOR.join(add)!r} was added"] if add else []
    said += [f"{SEPARATOR.join(remove)!r} was removed"] if remove else []
    said += ["the tags were sorted"] if order == "sorted" else []
    sentence = ", ".join(said) or "tags that stood twice were removed"
    return sentence[0].upper() + sentence[1:]


def _tags(text: str) -> list[str]:
    return [tag for tag in (part.strip() for part in text.split(",")) if tag]


def _source_of_template(target: CaptionTarget) -> CaptionSource:
    """An ingest may replace what a template made of tags, and not what it put over a file's."""
    if target.source in (None, CaptionSource.TAGS):
        return CaptionSource.TAGS
    return CaptionSource.PERSON
