"""Pictures that a training draws on its way.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER rows


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "run_sample",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("step", KEY, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("blob_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_run_sample_blob_id_blob")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_sample_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_sample")),
    )
    op.create_index("ix_run_sample_run_step", "run_sample", ["run_id", "step"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_run_sample_run_step", table_name="run_sample")
    op.drop_table("run_sample")
