"""Nodes of the lineage say which project they belong to.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OWNERS = (
    "SELECT a.project FROM artifact_version t JOIN artifact a ON a.id = t.artifact_id",
    "SELECT s.project FROM dataset_version t JOIN dataset d ON d.id = t.dataset_id "
    "JOIN image_set s ON s.id = d.image_set_id",
    "SELECT a.project FROM grid t JOIN artifact a ON a.id = t.artifact_id",
    "SELECT r.project FROM generation t JOIN run r ON r.id = t.run_id",
)
"""What stands at a node, `t`, up to what says its project."""


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "node", sa.Column("project", sa.String(64), nullable=False, server_default="main")
    )
    found = ", ".join(f"({owner} WHERE t.node_id = node.id)" for owner in OWNERS)
    op.execute(f"UPDATE node SET project = coalesce({found}, 'main')")  # noqa: S608 - of the above
    with op.batch_alter_table("node") as batch:
        batch.alter_column("project", server_default=None, existing_type=sa.String(64))


def downgrade() -> None:
    """Undo."""
    op.drop_column("node", "project")
