"""Single steps of editing tags, each of which writes down the step that takes it back.

A step is a JSON document: `do` names a method of `TagWriter`, the rest are its arguments. Tags are
named by their paths, as they are right after the step that is taken back: steps are taken back in
reverse order, so that each finds the tree as it left it. A step is a few statements, however many
members it concerns.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Update,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from sdxl_reg.catalog.member_runs import (
    Runs,
    count_of,
    in_runs,
    numbers_in,
    runs_of,
)
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.tag_conditions import (
    holders_of,
    is_below,
    refuse_used,
    rows_inside,
)
from sdxl_reg.catalog.tag_exchange import exchange
from sdxl_reg.catalog.tags import child_of, level_at, new_tag
from sdxl_reg.catalog.totals import refresh_totals
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import ImageSet, Member, MemberTag, Tag, TagAlias, TagClosure

Step = dict[str, Any]


class TagWriter:
    """Changes tags step by step, in one transaction.

    Attributes:
        undo: The steps that take back what was done, in the order to run them.
    """

    def __init__(self, session: Session) -> None:
        self.undo: list[Step] = []
        self._session = session
        self._touched: set[int] = set()

    def run(self, steps: Iterable[Mapping[str, Any]]) -> None:
        """Run steps that were written down.

        Args:
            steps: In the order to run them.

        Raises:
            Conflict: The tags have changed since so that a step cannot be taken back.
            NotFound: A tag is not there any more.
        """
        for step in steps:
            arguments = {name: value for name, value in step.items() if name != "do"}
            getattr(self, f"_again_{step['do']}")(**arguments)

    def make(self, parent: Tag | None, name: str, level: str) -> Tag:
        """A new tag.

        Args:
            parent: The tag above; none at the root.
            name: As written, not taken there.
            level: What its depth is called.
        """
        tag = new_tag(self._session, parent, name, level=level)
        self._note("drop", tag=tag.path)
        return tag

    def drop(self, tag: Tag) -> None:
        """Remove a tag that has no members and no tags below it; other names go with it.

        Args:
            tag: The tag; nothing may have it.

        Raises:
            Conflict: It has members or tags below it after all.
        """
        refuse_used(self._session, tag)
        query = select(TagAlias).where((TagAlias.tag_id == tag.id) | (TagAlias.parent_id == tag.id))
        for alias in self._session.scalars(query).all():
            self.unalias(alias)
        self._note("make", tag=tag.path, level=tag.level, tag_id=tag.id)
        self._do(delete(TagClosure).where(TagClosure.descendant_id == tag.id))
        self._session.delete(tag)
        self._session.flush()

    def place(self, tag: Tag, parent: Tag | None, name: str, levels: Sequence[str]) -> None:
        """Give a tag another place or name, with everything below it.

        Args:
            tag: The tag.
            parent: The tag above it from now on; none at the root. Not below the tag itself.
            name: Its name from now on, free there.
            levels: What the depths are called; written anew where the depth changes.
        """
        above = self._session.get(Tag, tag.parent_id) if tag.parent_id else None
        depth = parent.depth + 1 if parent else 0
        path = f"{parent.path}/{name}" if parent else name
        levels_before = self._levels_below(tag) if depth != tag.depth else {}
        self._note(
            "place",
            tag=path,
            parent=above.path if above else None,
            name=tag.name,
            levels=levels_before,
        )
        self._touch(tag)
        self._set_place(tag, parent, name=name)
        if levels_before:
            depths = self._session.scalars(select(Tag.depth).where(is_below(tag)).distinct())
            named = {at: level_at(levels, at)[:64] for at in depths}
            level = case(named, value=Tag.depth)
            self._do(update(Tag).where(is_below(tag)).values(level=level))
            self._read_tags_anew()

    def alias(self, parent_id: int | None, key: str, tag: Tag) -> None:
        """Let a name lead to a tag; what it led to before is forgotten.

        Args:
            parent_id: The tag below which the name stands; none at the root.
            key: The name, as `name_key` gives it.
            tag: Where it leads.
        """
        for former in self._aliases_at(parent_id, key):
            self.unalias(former)
        self._session.add(TagAlias(parent_id=parent_id, name_key=key, tag_id=tag.id))
        self._session.flush()
        self._note("unalias", parent=self._path(parent_id), key=key)

    def unalias(self, alias: TagAlias) -> None:
        """Let a name lead nowhere.

        Args:
            alias: Its row.
        """
        self._note(
            "alias",
            parent=self._path(alias.parent_id),
            key=alias.name_key,
            tag=self._path(alias.tag_id),
        )
        self._session.delete(alias)
        self._session.flush()

    def free(self, parent: Tag | None, key: str) -> None:
        """Let a name lead nowhere, for a tag that is about to have it.

        Args:
            parent: The tag below which the name stands.
            key: The name, as `name_key` gives it.
        """
        for alias in self._aliases_at(parent.id if parent else None, key):
            self.unalias(alias)

    def attach(self, tag: Tag, members: ColumnElement[bool], *, by_folder: bool) -> int:
        """Give a tag to members.

        Args:
            tag: The tag.
            members: A condition on `Member`; those that have the tag stay as they are.
            by_folder: Whether their folder gives it, not a person.

        Returns:
            How many have it now that did not have it.
        """
        has = exists().where(MemberTag.member_id == Member.id, MemberTag.tag_id == tag.id)
        runs = runs_of(self._session, select(Member.id).where(members, ~has))
        if not runs:
            return 0
        columns = ["member_id", "tag_id", "image_set_id", "by_folder"]
        rows = select(Member.id, literal(tag.id), Member.image_set_id, literal(by_folder)).where(
            in_runs(self._session, runs)
        )
        self._do(insert(MemberTag).from_select(columns, rows))
        self._note("detach", tag=tag.path, members=runs)
        self._touch(tag)
        return count_of(runs)

    def detach(self, tag: Tag, members: ColumnElement[bool]) -> int:
        """Take a tag from members.

        Args:
            tag: The tag.
            members: A condition on `Member`.

        Returns:
            How many had it.
        """
        self._touch(tag)
        found = []
        for by_folder in (True, False):
            holders = holders_of(tag, members).where(MemberTag.by_folder.is_(by_folder))
            if runs := runs_of(self._session, holders):
                self._note("attach", tag=tag.path, members=runs, by_folder=by_folder)
                found.append(runs)
        for runs in found:
            self._do(delete(MemberTag).where(*self._rows(tag, runs)))
        return sum(map(count_of, found))

    def mark(self, tag: Tag, members: ColumnElement[bool], *, by_folder: bool) -> None:
        """Say of members that have a tag who gave it to them.

        Args:
            tag: The tag.
            members: A condition on `Member`.
            by_folder: Whether their folder gave it, not a person.
        """
        holders = holders_of(tag, members).where(MemberTag.by_folder.is_(not by_folder))
        if runs := runs_of(self._session, holders):
            self._set_giver(tag, runs, by_folder=by_folder)
            self._note("mark", tag=tag.path, members=runs, by_folder=not by_folder)

    def exchange(
        self,
        image_set_id: int,
        *,
        gain: Mapping[tuple[Tag, bool], Collection[int]],
        lose: Mapping[Tag, Collection[int]],
    ) -> None:
        """Give many tags to members of one set, and take others from them.

        Args:
            image_set_id: Row of the set.
            gain: A tag, and whether folders give it → rows of members.
            lose: A tag → rows of members.
        """
        if step := exchange(self._session, image_set_id, gain=gain, lose=lose):
            self._touched.add(image_set_id)
            self.undo.insert(0, step)

    def count_anew(self) -> None:
        """Count the sets that were changed, so that nobody has to who only looks at them."""
        for image_set in self._session.scalars(
            select(ImageSet).where(ImageSet.id.in_(self._touched)).order_by(ImageSet.id)
        ).all():
            refresh_totals(self._session, image_set)

    def _again_make(self, tag: str, level: str, tag_id: int) -> None:
        above, _, name = tag.rpartition("/")
        parent = self._at(above) if above else None
        if child_of(self._session, parent, name) is None:  # else an ingest has made it again
            is_free = self._session.get(Tag, tag_id) is None
            new_tag(self._session, parent, name, level=level, tag_id=tag_id if is_free else None)

    def _again_drop(self, tag: str) -> None:
        self.drop(self._at(tag))

    def _again_place(
        self, tag: str, parent: str | None, name: str, levels: Mapping[str, Sequence[str]]
    ) -> None:
        found, above = self._at(tag), self._at(parent) if parent else None
        taken = child_of(self._session, above, name)
        if taken is not None and taken.id != found.id:
            raise Conflict(
                f"{found.path!r} cannot become {taken.path!r} again: there is one by now",
                remedy=f"Merge it: sdxl-reg tags merge SET {found.path!r} {taken.path!r}",
            )
        self._touch(found)
        self._set_place(found, above, name=name)
        for level, inside in levels.items():
            for some in portions(inside):
                paths = [found.path + path for path in some]
                self._do(update(Tag).where(Tag.path.in_(paths)).values(level=level))
        self._read_tags_anew()

    def _again_alias(self, parent: str | None, key: str, tag: str) -> None:
        above = self._at(parent) if parent else None
        self.alias(above.id if above else None, key, self._at(tag))

    def _again_unalias(self, parent: str | None, key: str) -> None:
        self.free(self._at(parent) if parent else None, key)

    def _again_attach(self, tag: str, members: Runs, *, by_folder: bool) -> None:
        self.attach(self._at(tag), in_runs(self._session, members), by_folder=by_folder)

    def _again_detach(self, tag: str, members: Runs) -> None:
        self.detach(self._at(tag), in_runs(self._session, members))

    def _again_mark(self, tag: str, members: Runs, *, by_folder: bool) -> None:
        self._set_giver(self._at(tag), members, by_folder=by_folder)

    def _again_exchange(
        self, image_set: int, gain: Sequence[Sequence[Any]], lose: Sequence[Sequence[Any]]
    ) -> None:
        self.exchange(
            image_set,
            gain={(self._at(path), by): list(numbers_in(runs)) for path, by, runs in gain},
            lose={self._at(path): list(numbers_in(runs)) for path, runs in lose},
        )

    def _note(self, do: str, **arguments: Any) -> None:
        self.undo.insert(0, {"do": do, **arguments})

    def _at(self, path: str) -> Tag:
        found = self._session.scalar(select(Tag).where(Tag.path == path))
        if found is None:
            raise NotFound("tag", path, remedy="It was changed since; undo that first")
        return found

    def _path(self, tag_id: int | None) -> str | None:
        return self._session.scalar(select(Tag.path).where(Tag.id == tag_id)) if tag_id else None

    def _aliases_at(self, parent_id: int | None, key: str) -> Sequence[TagAlias]:
        below = TagAlias.parent_id == parent_id if parent_id else TagAlias.parent_id.is_(None)
        return self._session.scalars(select(TagAlias).where(below, TagAlias.name_key == key)).all()

    def _levels_below(self, tag: Tag) -> dict[str, list[str]]:
        levels = defaultdict(list)
        query = select(Tag.level, Tag.path).where(is_below(tag)).order_by(Tag.path)
        for level, path in self._session.execute(query):
            levels[level].append(path.removeprefix(tag.path))
        return dict(levels)

    def _set_place(self, tag: Tag, parent: Tag | None, *, name: str) -> None:
        """Paths, depths and closure of a tag and of everything below it."""
        path = f"{parent.path}/{name}" if parent else name
        deeper = (parent.depth + 1 if parent else 0) - tag.depth
        self._do(
            update(Tag)
            .where(is_below(tag))
            .values(
                path=literal(path) + func.substr(Tag.path, len(tag.path) + 1),
                depth=Tag.depth + deeper,
            )
        )
        tag.parent_id, tag.name, tag.name_key = parent.id if parent else None, name, name_key(name)
        self._session.flush()
        self._cut_off(tag)
        if parent is not None:
            self._hang_below(tag, parent)
        self._read_tags_anew()

    def _cut_off(self, tag: Tag) -> None:
        inside = rows_inside(tag)
        self._do(
            delete(TagClosure).where(
                TagClosure.descendant_id.in_(inside), TagClosure.ancestor_id.not_in(inside)
            )
        )

    def _hang_below(self, tag: Tag, parent: Tag) -> None:
        above, below = aliased(TagClosure), aliased(TagClosure)
        pairs = (
            select(above.ancestor_id, below.descendant_id, above.depth + below.depth + 1)
            .join(below, below.ancestor_id == tag.id)
            .where(above.descendant_id == parent.id)
        )
        columns = ["ancestor_id", "descendant_id", "depth"]
        self._do(insert(TagClosure).from_select(columns, pairs))

    def _rows(self, tag: Tag, runs: Runs) -> tuple[ColumnElement[bool], ...]:
        members = select(Member.id).where(in_runs(self._session, runs))
        return MemberTag.tag_id == tag.id, MemberTag.member_id.in_(members)

    def _set_giver(self, tag: Tag, runs: Runs, *, by_folder: bool) -> None:
        self._do(update(MemberTag).where(*self._rows(tag, runs)).values(by_folder=by_folder))

    def _do(self, statement: Insert | Update | Delete) -> None:
        """Without having every row that is changed told to Python."""
        self._session.execute(statement, execution_options={"synchronize_session": False})

    def _read_tags_anew(self) -> None:
        for row in self._session.identity_map.values():
            if isinstance(row, Tag):
                self._session.expire(row)

    def _touch(self, tag: Tag) -> None:
        """Remember the sets that have the tag or one below it: their counts are others now."""
        uses = exists().where(
            MemberTag.image_set_id == ImageSet.id, MemberTag.tag_id.in_(rows_inside(tag))
        )
        self._touched.update(self._session.scalars(select(ImageSet.id).where(uses)))
