"""Grids of any axes, generated pictures, votes, and who chose an alias.

Revision: 0003, after 0002. Cells of older grids get their places and the whole of what was asked
for; their keys were made by other rules, so their pictures are not reused by newer grids.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER rows
PLACES = ("x", "y", "z", "panel")


def upgrade() -> None:
    """Apply."""
    _make_generations()
    op.create_table(
        "vote",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("grid_id", KEY, nullable=False),
        sa.Column("left", KEY, nullable=False),
        sa.Column("right", KEY, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["grid_id"], ["grid.id"], name=op.f("fk_vote_grid_id_grid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
    )
    op.create_index("ix_vote_grid_id", "vote", ["grid_id"])
    with op.batch_alter_table("artifact_alias") as table:
        table.add_column(
            sa.Column("chosen_by", sa.String(16), nullable=False, server_default="person")
        )
    op.execute("UPDATE artifact_alias SET chosen_by = 'scores' WHERE name = 'best'")
    with op.batch_alter_table("grid") as table:
        table.add_column(sa.Column("pick", sa.JSON(), nullable=True))
    with op.batch_alter_table("grid_cell") as table:
        for name in PLACES:
            table.add_column(sa.Column(name, KEY, nullable=False, server_default="0"))
        table.add_column(sa.Column("picture", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("reason", sa.Text(), nullable=False, server_default=""))
        table.create_index("ix_grid_cell_blob_id", ["blob_id"])
    _describe_old_grids()
    with op.batch_alter_table("artifact_alias") as table:
        table.alter_column("chosen_by", server_default=None, existing_type=sa.String(16))
    with op.batch_alter_table("grid_cell") as table:
        for name in PLACES:
            table.alter_column(name, server_default=None, existing_type=KEY)
        table.alter_column("picture", server_default=None, existing_type=sa.JSON())
        table.alter_column("reason", server_default=None, existing_type=sa.Text())


def downgrade() -> None:
    """Undo; grids of other axes than versions and strengths cannot be told in the old form."""
    with op.batch_alter_table("grid_cell") as table:
        table.drop_index("ix_grid_cell_blob_id")
        for name in (*PLACES, "picture", "reason"):
            table.drop_column(name)
    with op.batch_alter_table("grid") as table:
        table.drop_column("pick")
    with op.batch_alter_table("artifact_alias") as table:
        table.drop_column("chosen_by")
    op.drop_index("ix_vote_grid_id", table_name="vote")
    op.drop_table("vote")
    op.drop_table("generated_picture")
    op.drop_table("generation")


def _make_generations() -> None:
    op.create_table(
        "generation",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("batch_size", KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_generation_node_id_node")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_generation_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation")),
        sa.UniqueConstraint("node_id", name=op.f("uq_generation_node_id")),
    )
    op.create_index("ix_generation_run_id", "generation", ["run_id"])
    op.create_table(
        "generated_picture",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("generation_id", KEY, nullable=False),
        sa.Column("position", KEY, nullable=False),
        sa.Column("picture_key", sa.String(64), nullable=False),
        sa.Column("picture", sa.JSON(), nullable=False),
        sa.Column("image_id", KEY, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generation.id"],
            name=op.f("fk_generated_picture_generation_id_generation"),
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name=op.f("fk_generated_picture_image_id_image")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generated_picture")),
        sa.UniqueConstraint(
            "generation_id", "position", name=op.f("uq_generated_picture_generation_id_position")
        ),
    )
    op.create_index("ix_generated_picture_picture_key", "generated_picture", ["picture_key"])
    op.create_index("ix_generated_picture_image_id", "generated_picture", ["image_id"])


def _describe_old_grids() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, spec FROM grid")).all()
    for grid_id, spec in rows:
        old = spec if isinstance(spec, dict) else json.loads(spec)
        if "axes" in old:
            continue
        columns, lines = len(old["strengths"]), len(old["versions"])
        cells = connection.execute(
            sa.text(
                "SELECT id, position, strength, prompt, seed FROM grid_cell WHERE grid_id = :grid"
            ),
            {"grid": grid_id},
        ).all()
        for cell_id, position, strength, prompt, seed in cells:
            place = {
                "x": position % columns,
                "y": position // columns % lines,
                "z": 0,
                "panel": position // (columns * lines),
            }
            asked = {"prompt": prompt, "seed": seed, "strength": strength}
            picture = _picture(old, asked, old["versions"][place["y"]])
            connection.execute(
                sa.text(
                    "UPDATE grid_cell SET x = :x, y = :y, panel = :panel, picture = :picture "
                    "WHERE id = :id"
                ).bindparams(sa.bindparam("picture", type_=sa.JSON())),
                {"id": cell_id, **place, "picture": picture},
            )
        connection.execute(
            sa.text("UPDATE grid SET spec = :spec WHERE id = :id").bindparams(
                sa.bindparam("spec", type_=sa.JSON())
            ),
            {"id": grid_id, "spec": _document(old)},
        )


def _picture(old: dict[str, Any], asked: dict[str, Any], version: str) -> dict[str, Any]:
    return {
        **old["sampling"],
        "base": old["base"],
        "prompt": asked["prompt"],
        "seed": asked["seed"],
        "adapters": [{"ref": version, "strength": asked["strength"]}],
    }


def _document(old: dict[str, Any]) -> dict[str, Any]:
    strengths = [
        {"label": f"{strength:g}", "changes": {"strength": strength}, "notes": []}
        for strength in old["strengths"]
    ]
    versions = [
        {"label": f"@{ref.rpartition('@')[2]}", "changes": {"version": ref}, "notes": []}
        for ref in old["versions"]
    ]
    kept = {name: old[name] for name in ("versions", "datasets", "scorer", "key", "batch_size")}
    return {
        **kept,
        "common": {**old["sampling"], "base": old["base"]},
        "panels": [{"prompt": p, "seed": s} for p in old["prompts"] for s in old["seeds"]],
        "axes": {
            "x": {"field": "strength", "values": strengths},
            "y": {"field": "version", "values": versions},
            "z": None,
        },
        "version": old["versions"][0],
        "strength": 1.0,
    }
