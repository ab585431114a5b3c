"""Folders of pictures that are sent here to be ingested.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER rows
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "ingest",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("folder", sa.String(255), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("closed", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("done", KEY, nullable=False),
        sa.Column("total", KEY, nullable=False),
        sa.Column("doing", sa.String(64), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("touched_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingest")),
        sa.UniqueConstraint("key", name=op.f("uq_ingest_key")),
    )
    op.create_index("ix_ingest_actor", "ingest", ["actor"])
    op.create_table(
        "ingest_file",
        sa.Column("ingest_id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("size_bytes", KEY, nullable=False),
        sa.Column("is_here", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ingest_id"],
            ["ingest.id"],
            name=op.f("fk_ingest_file_ingest_id_ingest"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ingest_id", "path", name=op.f("pk_ingest_file")),
    )
    op.create_index("ix_ingest_file_sha256", "ingest_file", ["sha256"])


def downgrade() -> None:
    """Undo; what was being sent is forgotten."""
    for name in ("ingest_file", "ingest"):
        op.drop_table(name)
