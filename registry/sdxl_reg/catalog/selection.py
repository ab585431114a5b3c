"""From selectors to conditions on the members of an image set, for the database to evaluate."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true
from sqlalchemy.orm import Session

from sdxl_reg.catalog.member_runs import in_numbers
from sdxl_reg.catalog.selection_fields import condition_of
from sdxl_reg.catalog.selectors import And, Not, Or, Selector, Term, parse_selector
from sdxl_reg.catalog.tags import level_at
from sdxl_reg.tables import ImageSet, Member, MemberTag, Tag, TagClosure


def selects(session: Session, image_set: ImageSet, selector: str) -> ColumnElement[bool]:
    """The condition on `Member` that a selector means for a set.

    Args:
        session: The transaction.
        image_set: Whose levels the selector speaks of, and whose members it is to select from.
        selector: As `selectors` describes; empty selects every member.

    Raises:
        InvalidValue: It is of the wrong form, or a number in it is none.
        UnknownName: A field, or a word of one, does not exist.
        NotFound: `similar:` names no picture of the set.
    """
    if not selector.strip():
        return true()
    levels = _levels(session, image_set)
    asked = _Asked(session, image_set, levels)
    return asked.condition(parse_selector(selector, levels=levels))


def _levels(session: Session, image_set: ImageSet) -> Sequence[str]:
    """What the depths of the tree are called, down to the deepest tag there is."""
    named = image_set.layout.split("/")
    deepest = session.scalar(select(func.max(Tag.depth)))
    depths = max(len(named), (deepest or 0) + 1)
    return [level_at(named, depth) for depth in range(depths)]


@dataclass(frozen=True)
class _Asked:
    session: Session
    image_set: ImageSet
    levels: Sequence[str]

    def condition(self, selector: Selector) -> ColumnElement[bool]:
        match selector:
            case Not(inner):
                return not_(self.condition(inner))
            case And(parts):
                return and_(*map(self.condition, parts))
            case Or(parts):
                return or_(*map(self.condition, parts))
            case Term():
                return self.has_tag(selector)
        return condition_of(self.session, self.image_set, selector)

    def has_tag(self, term: Term) -> ColumnElement[bool]:
        """Members with a tag that a term means, or with one below it.

        Tags are few: they are matched here, members by the database.
        """
        rows = self.session.execute(select(Tag.id, Tag.path, Tag.depth))
        matching = [
            tag_id
            for tag_id, path, depth in rows
            if term.matches(path, level_at(self.levels, depth))
        ]
        below = select(TagClosure.descendant_id).where(
            in_numbers(self.session, TagClosure.ancestor_id, matching)
        )
        return Member.id.in_(
            select(MemberTag.member_id).where(
                MemberTag.image_set_id == self.image_set.id, MemberTag.tag_id.in_(below)
            )
        )
