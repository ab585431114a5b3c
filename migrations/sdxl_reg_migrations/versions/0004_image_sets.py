"""What image sets know of their pictures, crops, a journal of changes, other names of tags.

Revision: 0004, after 0003. Pictures recorded before have no brightness, contrast and sharpness
until the next ingest looks at them again.
"""

from contextlib import AbstractContextManager

import sqlalchemy as sa
from alembic import op
from alembic.operations.base import BatchOperations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER rows
MOMENT = sa.DateTime(timezone=True)
MEASURES = ("brightness", "contrast", "sharpness")
DIGEST = sa.String(64)


def upgrade() -> None:
    """Apply."""
    _make_changes()
    _make_tables()
    with op.batch_alter_table("image") as table:
        table.alter_column("pixel_sha256", nullable=True, existing_type=DIGEST)
        table.add_column(sa.Column("preview_sha256", DIGEST, nullable=True))
        for name in MEASURES:
            table.add_column(sa.Column(name, sa.Double(), nullable=True))
        table.add_column(sa.Column("exif", sa.JSON(), nullable=True))
        table.create_index("ix_image_phash", ["phash"])
    with op.batch_alter_table("member") as table:
        table.add_column(sa.Column("source_inode", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("folder", sa.Text(), nullable=False, server_default=""))
        table.create_index("ix_member_image_set_id_folder", ["image_set_id", "folder"])
        table.create_index("ix_member_image_set_id_id", ["image_set_id", "id"])
    with op.batch_alter_table("member") as table:
        table.alter_column("folder", server_default=None, existing_type=sa.Text())
    _tell_folders_of_members()
    with op.batch_alter_table("caption") as table:
        table.add_column(sa.Column("tokens", KEY, nullable=True))
        table.add_column(sa.Column("change_id", KEY, nullable=True))
        table.create_foreign_key("fk_caption_change_id_change", "change", ["change_id"], ["id"])
        table.create_index("ix_caption_change_id", ["change_id"])
    _add(
        "image_set",
        sa.Column("background", sa.String(7), nullable=False, server_default="#ffffff"),
        sa.Column("is_linked", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("totals", sa.JSON(), nullable=True),
    )
    _add(
        "dataset",
        sa.Column("validation_share", sa.Double(), nullable=False, server_default="0"),
        sa.Column("validation_selector", sa.Text(), nullable=False, server_default=""),
        sa.Column("balance_level", sa.String(64), nullable=False, server_default=""),
    )
    _add(
        "dataset_entry",
        sa.Column("more_tags", sa.JSON(), nullable=True),
        sa.Column("crop", sa.JSON(), nullable=True),
    )
    _add("dataset_version", sa.Column("layout", sa.String(255), nullable=False, server_default=""))
    op.execute(
        "UPDATE dataset_version SET layout = (SELECT image_set.layout FROM image_set JOIN dataset "
        "ON dataset.image_set_id = image_set.id WHERE dataset.id = dataset_version.dataset_id)"
    )
    _tell_sets_of_tags()


def downgrade() -> None:
    """Undo; what people attached, cropped and changed in bulk is not told in the old form."""
    with _member_tags() as table:
        table.drop_index("ix_member_tag_in_set")
        table.drop_constraint("fk_member_tag_image_set_id_image_set", type_="foreignkey")
        table.drop_column("image_set_id")
        table.drop_column("by_folder")
    _drop("dataset_version", "layout")
    _drop("dataset_entry", "more_tags", "crop")
    _drop("dataset", "validation_share", "validation_selector", "balance_level")
    _drop("image_set", "background", "is_linked", "totals")
    with op.batch_alter_table("caption") as table:
        table.drop_index("ix_caption_change_id")
        table.drop_constraint("fk_caption_change_id_change", type_="foreignkey")
        table.drop_column("change_id")
        table.drop_column("tokens")
    with op.batch_alter_table("member") as table:
        table.drop_index("ix_member_image_set_id_folder")
        table.drop_index("ix_member_image_set_id_id")
        table.drop_column("folder")
        table.drop_column("source_inode")
    # The old form wants a digest of every picture's pixels: that of its bytes tells them apart too.
    op.execute(
        "UPDATE image SET pixel_sha256 = (SELECT sha256 FROM blob WHERE blob.id = image.blob_id) "
        "WHERE pixel_sha256 IS NULL"
    )
    with op.batch_alter_table("image") as table:
        table.drop_index("ix_image_phash")
        for name in (*MEASURES, "exif", "preview_sha256"):
            table.drop_column(name)
        table.alter_column("pixel_sha256", nullable=False, existing_type=DIGEST)
    for name in ("image_embedding", "crop", "folder_scan", "tag_alias", "change"):
        op.drop_table(name)


def _member_tags() -> AbstractContextManager[BatchOperations]:
    """Member tags alone: of the tags they point at, SQLite cannot tell the unique index."""
    return op.batch_alter_table("member_tag", reflect_kwargs={"resolve_fks": False})


def _add(name: str, *columns: sa.Column[object]) -> None:
    """Columns with a value for old rows that new ones must give themselves."""
    with op.batch_alter_table(name) as table:
        for column in columns:
            table.add_column(column)
    with op.batch_alter_table(name) as table:
        for column in columns:
            if column.server_default is not None:
                table.alter_column(column.name, server_default=None, existing_type=column.type)


def _drop(name: str, *columns: str) -> None:
    with op.batch_alter_table(name) as table:
        for column in columns:
            table.drop_column(column)


def _make_changes() -> None:
    op.create_table(
        "change",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("image_set_id", KEY, nullable=True),
        sa.Column("verb", sa.String(64), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("author", sa.String(255), nullable=True),
        sa.Column("undo", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["image_set_id"], ["image_set.id"], name=op.f("fk_change_image_set_id_image_set")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index("ix_change_image_set_id", "change", ["image_set_id"])


def _make_tables() -> None:
    op.create_table(
        "tag_alias",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("name_key", sa.String(255), nullable=False),
        sa.Column("tag_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["tag.id"], name=op.f("fk_tag_alias_parent_id_tag")),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_tag_alias_tag_id_tag")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_alias")),
    )
    op.create_index("ix_tag_alias_tag_id", "tag_alias", ["tag_id"])
    op.create_index(
        "uq_tag_alias_sibling",
        "tag_alias",
        [sa.text("COALESCE(parent_id, 0)"), "name_key"],
        unique=True,
    )
    op.create_table(
        "folder_scan",
        sa.Column("image_set_id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("fingerprint", DIGEST, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_set_id"], ["image_set.id"], name=op.f("fk_folder_scan_image_set_id_image_set")
        ),
        sa.PrimaryKeyConstraint("image_set_id", "path", name=op.f("pk_folder_scan")),
    )
    op.create_table(
        "crop",
        sa.Column("member_id", KEY, nullable=False),
        *(sa.Column(side, sa.Double(), nullable=False) for side in ("left", "top")),
        *(sa.Column(side, sa.Double(), nullable=False) for side in ("right", "bottom")),
        sa.Column("author", sa.String(255), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_crop_member_id_member")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_crop")),
    )
    op.create_table(
        "image_embedding",
        sa.Column("image_id", KEY, nullable=False),
        sa.Column("network", sa.String(255), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_image_embedding_image_id_image")
        ),
        sa.PrimaryKeyConstraint("image_id", "network", name=op.f("pk_image_embedding")),
    )


def _tell_sets_of_tags() -> None:
    """The set of each tag's member beside the tag, so that a page of a tag is one range."""
    with _member_tags() as table:
        table.add_column(sa.Column("image_set_id", KEY, nullable=True))
        table.add_column(
            sa.Column("by_folder", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    op.execute(
        "UPDATE member_tag SET image_set_id = "
        "(SELECT image_set_id FROM member WHERE member.id = member_tag.member_id)"
    )
    with _member_tags() as table:
        table.alter_column("image_set_id", nullable=False, existing_type=KEY)
        table.alter_column("by_folder", server_default=None, existing_type=sa.Boolean())
        table.create_foreign_key(
            "fk_member_tag_image_set_id_image_set", "image_set", ["image_set_id"], ["id"]
        )
        table.create_index("ix_member_tag_in_set", ["image_set_id", "tag_id", "member_id"])


def _tell_folders_of_members() -> None:
    connection = op.get_bind()
    member = sa.table("member", *(sa.column(name) for name in ("id", "source_path", "folder")))
    rows = connection.execute(sa.select(member.c.id, member.c.source_path)).all()
    folders = [{"row": row, "of_it": path.rpartition("/")[0]} for row, path in rows if "/" in path]
    if folders:
        change = member.update().where(member.c.id == sa.bindparam("row"))
        connection.execute(change.values(folder=sa.bindparam("of_it")), folders)
