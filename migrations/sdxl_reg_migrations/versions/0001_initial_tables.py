"""Initial tables.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER rows


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "artifact",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("next_version", KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("name_key", name=op.f("uq_artifact_name_key")),
    )
    op.create_table(
        "blob",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob")),
        sa.UniqueConstraint("sha256", name=op.f("uq_blob_sha256")),
    )
    op.create_table(
        "event_log",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_log")),
    )
    with op.batch_alter_table("event_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_log_verb"), ["verb"], unique=False)

    op.create_table(
        "image_set",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("layout", sa.String(length=255), nullable=False),
        sa.Column("caption_template", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_set")),
        sa.UniqueConstraint("name_key", name=op.f("uq_image_set_name_key")),
    )
    op.create_table(
        "node",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
    )
    op.create_table(
        "run",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("trainer", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("packages", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_run_state"), ["state"], unique=False)

    op.create_table(
        "tag",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("depth", KEY, nullable=False),
        sa.Column("level", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["tag.id"], name=op.f("fk_tag_parent_id_tag")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tag_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tag_path"), ["path"], unique=False)
    # By hand: autogenerate leaves indexes on expressions out for SQLite.
    op.create_index(
        "uq_tag_sibling", "tag", [sa.text("COALESCE(parent_id, 0)"), "name_key"], unique=True
    )

    op.create_table(
        "artifact_version",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("artifact_id", KEY, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=True),
        sa.Column("trainer", sa.String(length=64), nullable=True),
        sa.Column("base_version_id", KEY, nullable=True),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("epoch", KEY, nullable=True),
        sa.Column("step", KEY, nullable=True),
        sa.Column("loss", sa.Float(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_artifact_version_artifact_id_artifact")
        ),
        sa.ForeignKeyConstraint(
            ["base_version_id"],
            ["artifact_version.id"],
            name=op.f("fk_artifact_version_base_version_id_artifact_version"),
        ),
        sa.ForeignKeyConstraint(
            ["node_id"], ["node.id"], name=op.f("fk_artifact_version_node_id_node")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_artifact_version_run_id_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_version")),
        sa.UniqueConstraint(
            "artifact_id", "version", name=op.f("uq_artifact_version_artifact_id_version")
        ),
        sa.UniqueConstraint("id", "artifact_id", name=op.f("uq_artifact_version_id_artifact_id")),
        sa.UniqueConstraint("node_id", name=op.f("uq_artifact_version_node_id")),
    )
    with op.batch_alter_table("artifact_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_artifact_version_run_id"), ["run_id"], unique=False)
        batch_op.create_index(
            "uq_artifact_version_ready_digest",
            ["artifact_id", "digest"],
            unique=True,
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )

    op.create_table(
        "dataset",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("image_set_id", KEY, nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("next_version", KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_set_id"], ["image_set.id"], name=op.f("fk_dataset_image_set_id_image_set")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("name_key", name=op.f("uq_dataset_name_key")),
    )
    op.create_table(
        "file_hash",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("blob_id", KEY, nullable=False),
        sa.Column("algorithm", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_file_hash_blob_id_blob")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_hash")),
        sa.UniqueConstraint("blob_id", "algorithm", name=op.f("uq_file_hash_blob_id_algorithm")),
    )
    with op.batch_alter_table("file_hash", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_hash_value"), ["value"], unique=False)

    op.create_table(
        "image",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("blob_id", KEY, nullable=False),
        sa.Column("width", KEY, nullable=False),
        sa.Column("height", KEY, nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("pixel_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_image_blob_id_blob")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image")),
        sa.UniqueConstraint("blob_id", name=op.f("uq_image_blob_id")),
    )
    with op.batch_alter_table("image", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_image_pixel_sha256"), ["pixel_sha256"], unique=False)

    op.create_table(
        "lineage_dep",
        sa.Column("child_id", KEY, nullable=False),
        sa.Column("parent_id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("slot", sa.String(length=64), nullable=False),
        sa.CheckConstraint("child_id > parent_id", name=op.f("ck_lineage_dep_older_parent")),
        sa.ForeignKeyConstraint(
            ["child_id"], ["node.id"], name=op.f("fk_lineage_dep_child_id_node")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["node.id"], name=op.f("fk_lineage_dep_parent_id_node")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_lineage_dep_run_id_run")),
        sa.PrimaryKeyConstraint(
            "child_id", "parent_id", "run_id", "slot", name=op.f("pk_lineage_dep")
        ),
    )
    with op.batch_alter_table("lineage_dep", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lineage_dep_parent_child", ["parent_id", "child_id"], unique=False
        )

    op.create_table(
        "lineage_event",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("slot", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["node_id"], ["node.id"], name=op.f("fk_lineage_event_node_id_node")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_lineage_event_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage_event")),
        sa.UniqueConstraint(
            "run_id",
            "node_id",
            "direction",
            "slot",
            name=op.f("uq_lineage_event_run_id_node_id_direction_slot"),
        ),
    )
    with op.batch_alter_table("lineage_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lineage_event_node_id"), ["node_id"], unique=False)

    op.create_table(
        "run_attempt",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", KEY, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exit_code", KEY, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_attempt_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_run_attempt")),
    )
    op.create_table(
        "run_metric",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("step", KEY, nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_metric_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_metric")),
    )
    with op.batch_alter_table("run_metric", schema=None) as batch_op:
        batch_op.create_index(
            "ix_run_metric_run_name_step", ["run_id", "name", "step"], unique=False
        )

    op.create_table(
        "tag_closure",
        sa.Column("ancestor_id", KEY, nullable=False),
        sa.Column("descendant_id", KEY, nullable=False),
        sa.Column("depth", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["ancestor_id"], ["tag.id"], name=op.f("fk_tag_closure_ancestor_id_tag")
        ),
        sa.ForeignKeyConstraint(
            ["descendant_id"], ["tag.id"], name=op.f("fk_tag_closure_descendant_id_tag")
        ),
        sa.PrimaryKeyConstraint("ancestor_id", "descendant_id", name=op.f("pk_tag_closure")),
    )
    with op.batch_alter_table("tag_closure", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tag_closure_descendant_id"), ["descendant_id"], unique=False
        )

    op.create_table(
        "artifact_alias",
        sa.Column("artifact_id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("strength", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_artifact_alias_artifact_id_artifact")
        ),
        sa.ForeignKeyConstraint(
            ["version_id", "artifact_id"],
            ["artifact_version.id", "artifact_version.artifact_id"],
            name=op.f("fk_artifact_alias_version_id_artifact_id_artifact_version"),
        ),
        sa.PrimaryKeyConstraint("artifact_id", "name", name=op.f("pk_artifact_alias")),
    )
    op.create_table(
        "artifact_file",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("blob_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["blob_id"], ["blob.id"], name=op.f("fk_artifact_file_blob_id_blob")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["artifact_version.id"],
            name=op.f("fk_artifact_file_version_id_artifact_version"),
        ),
        sa.PrimaryKeyConstraint("version_id", "path", name=op.f("pk_artifact_file")),
    )
    with op.batch_alter_table("artifact_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_artifact_file_blob_id"), ["blob_id"], unique=False)

    op.create_table(
        "dataset_version",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("dataset_id", KEY, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("manifest_id", KEY, nullable=False),
        sa.Column("image_count", KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_version_dataset_id_dataset")
        ),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["blob.id"], name=op.f("fk_dataset_version_manifest_id_blob")
        ),
        sa.ForeignKeyConstraint(
            ["node_id"], ["node.id"], name=op.f("fk_dataset_version_node_id_node")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_version")),
        sa.UniqueConstraint(
            "dataset_id", "digest", name=op.f("uq_dataset_version_dataset_id_digest")
        ),
        sa.UniqueConstraint(
            "dataset_id", "version", name=op.f("uq_dataset_version_dataset_id_version")
        ),
        sa.UniqueConstraint("node_id", name=op.f("uq_dataset_version_node_id")),
    )
    op.create_table(
        "grid",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("artifact_id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("sheet_id", KEY, nullable=True),
        sa.Column("best_version_id", KEY, nullable=True),
        sa.Column("best_strength", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_grid_artifact_id_artifact")
        ),
        sa.ForeignKeyConstraint(
            ["best_version_id"],
            ["artifact_version.id"],
            name=op.f("fk_grid_best_version_id_artifact_version"),
        ),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_grid_node_id_node")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_grid_run_id_run")),
        sa.ForeignKeyConstraint(["sheet_id"], ["blob.id"], name=op.f("fk_grid_sheet_id_blob")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid")),
        sa.UniqueConstraint("node_id", name=op.f("uq_grid_node_id")),
    )
    with op.batch_alter_table("grid", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grid_artifact_id"), ["artifact_id"], unique=False)

    op.create_table(
        "member",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("image_set_id", KEY, nullable=False),
        sa.Column("image_id", KEY, nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("source_size", sa.BigInteger(), nullable=False),
        sa.Column("source_mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name=op.f("fk_member_image_id_image")),
        sa.ForeignKeyConstraint(
            ["image_set_id"], ["image_set.id"], name=op.f("fk_member_image_set_id_image_set")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint(
            "image_set_id", "source_path", name=op.f("uq_member_image_set_id_source_path")
        ),
    )
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_member_image_id"), ["image_id"], unique=False)

    op.create_table(
        "caption",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("member_id", KEY, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=True),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_caption_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["caption.id"], name=op.f("fk_caption_parent_id_caption")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caption")),
    )
    with op.batch_alter_table("caption", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_caption_member_id"), ["member_id"], unique=False)

    op.create_table(
        "dataset_entry",
        sa.Column("dataset_version_id", KEY, nullable=False),
        sa.Column("position", KEY, autoincrement=False, nullable=False),
        sa.Column("image_id", KEY, nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("tag_path", sa.Text(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("repeats", KEY, nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_version_id"],
            ["dataset_version.id"],
            name=op.f("fk_dataset_entry_dataset_version_id_dataset_version"),
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_dataset_entry_image_id_image")
        ),
        sa.PrimaryKeyConstraint("dataset_version_id", "position", name=op.f("pk_dataset_entry")),
    )
    with op.batch_alter_table("dataset_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dataset_entry_image_id"), ["image_id"], unique=False)

    op.create_table(
        "grid_cell",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("grid_id", KEY, nullable=False),
        sa.Column("position", KEY, nullable=False),
        sa.Column("cell_key", sa.String(length=64), nullable=False),
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("strength", sa.Float(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("seed", KEY, nullable=False),
        sa.Column("blob_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_grid_cell_blob_id_blob")),
        sa.ForeignKeyConstraint(["grid_id"], ["grid.id"], name=op.f("fk_grid_cell_grid_id_grid")),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["artifact_version.id"],
            name=op.f("fk_grid_cell_version_id_artifact_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_cell")),
        sa.UniqueConstraint("grid_id", "position", name=op.f("uq_grid_cell_grid_id_position")),
    )
    with op.batch_alter_table("grid_cell", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grid_cell_cell_key"), ["cell_key"], unique=False)

    op.create_table(
        "member_tag",
        sa.Column("member_id", KEY, nullable=False),
        sa.Column("tag_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_tag_member_id_member")
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_member_tag_tag_id_tag")),
        sa.PrimaryKeyConstraint("member_id", "tag_id", name=op.f("pk_member_tag")),
    )
    with op.batch_alter_table("member_tag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_member_tag_tag_id"), ["tag_id"], unique=False)

    op.create_table(
        "caption_head",
        sa.Column("member_id", KEY, nullable=False),
        sa.Column("caption_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["caption_id"], ["caption.id"], name=op.f("fk_caption_head_caption_id_caption")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_caption_head_member_id_member")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_caption_head")),
    )
    op.create_table(
        "cell_score",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("cell_id", KEY, nullable=False),
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("scorer", sa.String(length=128), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["grid_cell.id"], name=op.f("fk_cell_score_cell_id_grid_cell")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_score")),
        sa.UniqueConstraint(
            "cell_id", "metric", "scorer", name=op.f("uq_cell_score_cell_id_metric_scorer")
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("cell_score")
    op.drop_table("caption_head")
    with op.batch_alter_table("member_tag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_tag_tag_id"))

    op.drop_table("member_tag")
    with op.batch_alter_table("grid_cell", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grid_cell_cell_key"))

    op.drop_table("grid_cell")
    with op.batch_alter_table("dataset_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dataset_entry_image_id"))

    op.drop_table("dataset_entry")
    with op.batch_alter_table("caption", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_caption_member_id"))

    op.drop_table("caption")
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_image_id"))

    op.drop_table("member")
    with op.batch_alter_table("grid", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grid_artifact_id"))

    op.drop_table("grid")
    op.drop_table("dataset_version")
    with op.batch_alter_table("artifact_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_artifact_file_blob_id"))

    op.drop_table("artifact_file")
    op.drop_table("artifact_alias")
    with op.batch_alter_table("tag_closure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tag_closure_descendant_id"))

    op.drop_table("tag_closure")
    with op.batch_alter_table("run_metric", schema=None) as batch_op:
        batch_op.drop_index("ix_run_metric_run_name_step")

    op.drop_table("run_metric")
    op.drop_table("run_attempt")
    with op.batch_alter_table("lineage_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lineage_event_node_id"))

    op.drop_table("lineage_event")
    with op.batch_alter_table("lineage_dep", schema=None) as batch_op:
        batch_op.drop_index("ix_lineage_dep_parent_child")

    op.drop_table("lineage_dep")
    with op.batch_alter_table("image", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_image_pixel_sha256"))

    op.drop_table("image")
    with op.batch_alter_table("file_hash", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_file_hash_value"))

    op.drop_table("file_hash")
    op.drop_table("dataset")
    with op.batch_alter_table("artifact_version", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_artifact_version_ready_digest",
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
        batch_op.drop_index(batch_op.f("ix_artifact_version_run_id"))

    op.drop_table("artifact_version")
    op.drop_index("uq_tag_sibling", table_name="tag")
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tag_path"))
        batch_op.drop_index(batch_op.f("ix_tag_parent_id"))

    op.drop_table("tag")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_run_state"))

    op.drop_table("run")
    op.drop_table("node")
    op.drop_table("image_set")
    with op.batch_alter_table("event_log", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_log_verb"))

    op.drop_table("event_log")
    op.drop_table("blob")
    op.drop_table("artifact")
