"""Changes of an image set: tags, captions, crops; and taking them back."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog import caption_edits, tag_edits
from sdxl_reg.catalog.caption_rows import CaptionReport
from sdxl_reg.catalog.crops import clear_crops, set_crop
from sdxl_reg.catalog.images import find_image_set, member_ids, numbered_member, summary_of
from sdxl_reg.catalog.journal import changes
from sdxl_reg.catalog.tag_reports import EditReport
from sdxl_reg.errors import NotFound
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Caption, Change, ImageSet
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import Registry, RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.etags import IfMatchOf, require_match, tagged
from sdxl_reg.web.identity import author_of
from sdxl_reg.web.roles import needs, of_caption, of_image_set, of_member, require_writer_of_tag
from sdxl_reg.web.schemas.base import Items, Number
from sdxl_reg.web.schemas.changes import (
    CaptionBody,
    CaptionChangeReport,
    ChangeItem,
    ChangeReport,
    CropBody,
    Elsewhere,
    Noun,
    ReplaceBody,
    RevertBody,
    TagsBody,
    TemplateBody,
    TreeBody,
    TreeReport,
    UndoBody,
    Which,
    WordsBody,
    caption_report,
    change_item,
)
from sdxl_reg.web.schemas.images import Appearance, appearance, image_set_document
from sdxl_reg.web.undoing import undo

router = APIRouter(tags=["changes"])

_SET = "/image-sets/{name}"
_MEMBER = "/members/{member}"
_WRITER_OF_SET = needs(Role.WRITER, of_image_set)
_WRITER_OF_MEMBER = needs(Role.WRITER, of_member)


@router.get(f"{_SET}/changes", summary="What was changed of a set")
def journal(
    session: SessionOf,
    name: str,
    part: SliceOf,
    of: Annotated[Noun | None, Query(description="Only changes of these.")] = None,
) -> Items[ChangeItem]:
    """The newest changes of its tags, captions and crops, undone ones included; one page."""
    image_set = find_image_set(session, name)
    found = changes(session, f"{of}." if of else "", image_set=image_set, limit=part.limit)
    return Items(items=[change_item(change) for change in found], next=None)


@router.post(
    f"{_SET}/tags",
    summary="Give members a tag, or take it from them",
    dependencies=[_WRITER_OF_SET],
)
def tag(
    registry: RegistryOf, name: str, body: TagsBody, if_match: IfMatchOf = None
) -> ChangeReport:
    """`{"do": "attach", "tag": "qzy/flawed/spot", "which": {"members": [4, 7]}}`."""
    with transaction(registry.engine) as session:
        image_set = matched_set(session, name, if_match)
        edit = tag_edits.attach if body.do == "attach" else tag_edits.detach
        if body.make and body.do == "attach":
            tag_edits.add(session, image_set, body.tag, author=author_of(body.author))
        chosen = chosen_members(session, image_set, body.which)
        report = edit(session, image_set, chosen, body.tag, author=author_of(body.author))
        return _tried(session, report) if body.dry_run else _told(report)


@router.post(f"{_SET}/tags/tree", summary="Edit the tree of tags", dependencies=[_WRITER_OF_SET])
def tree(registry: RegistryOf, name: str, body: TreeBody, if_match: IfMatchOf = None) -> TreeReport:
    """Adds, renames, moves, merges or removes a tag; there is one tree for all sets.

    With `dry_run` it says how many images would be concerned, and of which sets.
    """
    with transaction(registry.engine) as session:
        image_set = matched_set(session, name, if_match)
        report = _edit_of_tree(session, image_set, body)
        told = _tried(session, report) if body.dry_run else _told(report)
        others = [Elsewhere(image_set=one, members=count) for one, count in report.elsewhere]
        return TreeReport(**dict(told), elsewhere=others)


@router.post(
    f"{_SET}/captions/words",
    summary="Add and remove words of captions",
    dependencies=[_WRITER_OF_SET],
)
def words(
    registry: RegistryOf, name: str, body: WordsBody, if_match: IfMatchOf = None
) -> CaptionChangeReport:
    """Captions as lists of tags between commas; each stands once afterwards."""

    def edit(session: Session, image_set: ImageSet, chosen: str | Sequence[int]) -> CaptionReport:
        return caption_edits.edit_tags(
            session,
            image_set,
            add=body.add,
            remove=body.remove,
            at=body.at,
            order=body.order,
            select=chosen,
            author=author_of(body.author),
            dry_run=body.dry_run,
        )

    return _recaptioned(registry, name, body, edit, if_match)


@router.post(
    f"{_SET}/captions/replace",
    summary="Search and replace in captions",
    dependencies=[_WRITER_OF_SET],
)
def replace(
    registry: RegistryOf, name: str, body: ReplaceBody, if_match: IfMatchOf = None
) -> CaptionChangeReport:
    """With `dry_run` it says what would become of the captions, with examples."""

    def edit(session: Session, image_set: ImageSet, chosen: str | Sequence[int]) -> CaptionReport:
        return caption_edits.replace(
            session,
            image_set,
            body.search,
            body.replacement,
            how=body.how,
            ignore_case=body.ignore_case,
            select=chosen,
            author=author_of(body.author),
            dry_run=body.dry_run,
        )

    return _recaptioned(registry, name, body, edit, if_match)


@router.post(
    f"{_SET}/captions/template",
    summary="Give captions by a template",
    dependencies=[_WRITER_OF_SET],
)
def template(
    registry: RegistryOf, name: str, body: TemplateBody, if_match: IfMatchOf = None
) -> CaptionChangeReport:
    """A template for a whole set (`"which": {}`) stays the set's own, for new pictures too."""

    def edit(session: Session, image_set: ImageSet, chosen: str | Sequence[int]) -> CaptionReport:
        return caption_edits.apply_template(
            session,
            image_set,
            body.template,
            prefix=body.prefix,
            suffix=body.suffix,
            trigger=body.trigger,
            words=body.words,
            separator=body.separator,
            over=caption_edits.OVER_BY_DEFAULT if body.over is None else body.over,
            select=chosen,
            author=author_of(body.author),
            dry_run=body.dry_run,
        )

    return _recaptioned(registry, name, body, edit, if_match)


@router.post(
    f"{_SET}/undo", summary="Take back the newest change of a set", dependencies=[_WRITER_OF_SET]
)
def take_back(
    registry: RegistryOf, name: str, body: UndoBody, if_match: IfMatchOf = None
) -> ChangeReport:
    """`{}`, or `{"change": 17}` to be refused (409) where something else came after it.

    `{"of": "captions"}` takes back the newest change of captions, whatever else came after it.
    """
    with transaction(registry.engine) as session:
        image_set = matched_set(session, name, if_match)
        return _changed(undo(session, image_set, expected=body.change, of=body.of), "Undone: ")


@router.get(_MEMBER, summary="One member of a set")
def member(session: SessionOf, response: Response, member: Number) -> Appearance:
    """An image under one path of a set, with its tags, its crop and every caption it has had.

    Its `ETag` is what changes of its caption and crop take as `If-Match`.
    """
    return tagged(response, appearance(session, numbered_member(session, member)))


@router.post(
    f"{_MEMBER}/caption", summary="Write the caption of one image", dependencies=[_WRITER_OF_MEMBER]
)
def caption(
    registry: RegistryOf, member: Number, body: CaptionBody, if_match: IfMatchOf = None
) -> CaptionChangeReport:
    """`{"text": "…"}`, or `{"caption": 12}` for an earlier one again; the history is kept."""
    with transaction(registry.engine) as session:
        _match_member(session, member, if_match)
        if body.caption is None:
            report = caption_edits.set_caption(
                session, member, body.text or "", author_of(body.author)
            )
        else:
            _require_caption(session, member, body.caption)
            report = caption_edits.revert(session, body.caption, author_of(body.author))
        return caption_report(report, is_dry=False)


@router.post(
    "/captions/{caption_id}/revert",
    summary="Take up an earlier caption again",
    dependencies=[needs(Role.WRITER, of_caption)],
)
def take_up(registry: RegistryOf, caption_id: Number, body: RevertBody) -> CaptionChangeReport:
    """By its number in the history of a member, which has it as its caption again."""
    with transaction(registry.engine) as session:
        report = caption_edits.revert(session, caption_id, author_of(body.author))
        return caption_report(report, is_dry=False)


@router.post(
    f"{_MEMBER}/crop",
    summary="Choose the part of an image that is used",
    dependencies=[_WRITER_OF_MEMBER],
)
def crop(
    registry: RegistryOf, member: Number, body: CropBody, if_match: IfMatchOf = None
) -> ChangeReport:
    """`{"crop": [0.1, 0, 0.9, 1]}`, or null for the whole picture; no file is changed."""
    with transaction(registry.engine) as session:
        _match_member(session, member, if_match)
        image_set = numbered_member(session, member).image_set
        if body.crop is None:
            change = clear_crops(session, image_set, [member], author=author_of(body.author))
        else:
            change = set_crop(session, member, body.crop, author=author_of(body.author))
        return _changed(change) if change else _nothing("The crop is as it was")


def chosen_members(session: Session, image_set: ImageSet, which: Which) -> str | Sequence[int]:
    """A selector, or the rows of members, as the catalog's edits take them.

    Args:
        session: The transaction.
        image_set: The set.
        which: What was asked for.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a field that does not exist.
    """
    if which.members is not None:
        return which.members
    if not which.tag:
        return which.select
    ids = member_ids(session, image_set, tag=which.tag, selector=which.select)
    return session.scalars(ids).all()


def _recaptioned(
    registry: Registry,
    name: str,
    body: WordsBody | ReplaceBody | TemplateBody,
    edit: Callable[[Session, ImageSet, str | Sequence[int]], CaptionReport],
    if_match: str | None,
) -> CaptionChangeReport:
    with transaction(registry.engine) as session:
        image_set = matched_set(session, name, if_match)
        report = edit(session, image_set, chosen_members(session, image_set, body.which))
        return caption_report(report, is_dry=body.dry_run)


def matched_set(session: Session, name: str, if_match: str | None) -> ImageSet:
    """The set that is to be changed, if it still is as somebody has seen it.

    Args:
        session: The transaction that is to change it.
        name: Of the set.
        if_match: The tag of what was seen; None for no condition.

    Raises:
        NotFound: No such set.
        Changed: It is otherwise.
    """
    image_set = find_image_set(session, name)
    if if_match is not None:
        session.refresh(image_set, with_for_update=True)  # others wait until this is done
        require_match(if_match, image_set_document(session, summary_of(session, image_set)))
    return image_set


def _match_member(session: Session, number: int, if_match: str | None) -> None:
    """Refuse to change a member that is not any more as somebody has seen it."""
    if if_match is not None:
        found = numbered_member(session, number)
        session.refresh(found, with_for_update=True)  # others wait until this is done
        require_match(if_match, appearance(session, found))


def _edit_of_tree(session: Session, image_set: ImageSet, body: TreeBody) -> EditReport:
    for path in filter(None, (body.tag, body.to if body.do == "merge" else "")):
        require_writer_of_tag(session, path)
    if body.do == "add":
        return tag_edits.add(session, image_set, body.tag, author=author_of(body.author))
    if body.do == "remove":
        return tag_edits.remove(session, image_set, body.tag, author=author_of(body.author))
    edits = {"rename": tag_edits.rename, "move": tag_edits.move, "merge": tag_edits.merge}
    return edits[body.do](session, image_set, body.tag, body.to, author=author_of(body.author))


def _require_caption(session: Session, member: int, caption: int) -> None:
    found = session.get(Caption, caption)
    if found is None or found.member_id != member:
        raise NotFound("caption", str(caption), remedy=f"Name one that member {member} has had")


def _tried(session: Session, report: EditReport) -> ChangeReport:
    """What would be changed; nothing is."""
    session.rollback()
    return ChangeReport(changed=report.members, summary=report.summary, change=None)


def _told(report: EditReport) -> ChangeReport:
    if report.change is None:
        return _nothing(report.summary)
    return ChangeReport(
        changed=report.members, summary=report.summary, change=change_item(report.change)
    )


def _changed(change: Change, before: str = "") -> ChangeReport:
    summary = before + change.summary
    return ChangeReport(changed=None, summary=summary, change=change_item(change))


def _nothing(summary: str) -> ChangeReport:
    return ChangeReport(changed=0, summary=summary, change=None)
