"""Attaching the further tags that an imported data set names beside the folders of its pictures."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, select

from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.tag_edits import attach
from sdxl_reg.catalog.tags import ensure_tag, level_at
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Member


def attach_further_tags(engine: Engine, name: str, tags: Mapping[str, Sequence[str]]) -> None:
    """Give pictures of a set the tags that they have besides their folders.

    Args:
        engine: The database.
        name: Of the set.
        tags: Path of a picture in the set → paths of its further tags.
    """
    paths: dict[str, list[str]] = defaultdict(list)
    for path, further in tags.items():
        for tag in further:
            paths[tag].append(path)
    for tag, pictures in sorted(paths.items()):
        with transaction(engine) as session:
            image_set = find_image_set(session, name)
            levels = image_set.layout.split("/")
            names = tag.split("/")
            ensure_tag(session, names, [level_at(levels, depth) for depth in range(len(names))])
            of_set = select(Member.id).where(Member.image_set_id == image_set.id)
            members = [
                member
                for some in portions(pictures)
                for member in session.scalars(of_set.where(Member.source_path.in_(some)))
            ]
            if members:
                attach(session, image_set, members, tag)
