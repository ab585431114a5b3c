"""Users, roles, tokens, sessions; the project of what there is, and who did what.

Revision: 0005, after 0004. Everything there is belongs to the project `main`; the built-in base to
`shared`, which everyone may read.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER rows
MOMENT = sa.DateTime(timezone=True)
WITH_PROJECT = ("image_set", "artifact", "run")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "user_account",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("name_key", sa.String(255), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("name_key", name=op.f("uq_user_account_name_key")),
    )
    op.create_table(
        "user_role",
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        _of_user("user_role"),
        sa.PrimaryKeyConstraint("user_id", "project", name=op.f("pk_user_role")),
    )
    op.create_table(
        "token",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("project", sa.String(64), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("used_at", MOMENT, nullable=True),
        _of_user("token"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )
    op.create_index("ix_token_user_id", "token", ["user_id"])
    op.create_table(
        "browser_session",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        _of_user("browser_session"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_browser_session_digest")),
    )
    op.create_index("ix_browser_session_user_id", "browser_session", ["user_id"])
    for name in WITH_PROJECT:
        _add(name, sa.Column("project", sa.String(64), nullable=False, server_default="main"))
    op.execute(
        "UPDATE artifact SET project = 'shared' WHERE kind = 'checkpoint' AND name_key = 'micro'"
    )
    _add("event_log", sa.Column("actor", sa.String(255), nullable=False, server_default=""))


def downgrade() -> None:
    """Undo; users, and which project things belong to, are forgotten."""
    op.drop_column("event_log", "actor")
    for name in WITH_PROJECT:
        op.drop_column(name, "project")
    for name in ("browser_session", "token", "user_role", "user_account"):
        op.drop_table(name)


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_user_id_user_account")
    return sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=name)


def _add(table: str, column: sa.Column[str]) -> None:
    """Add a column that is filled for the rows there are, and has no default afterwards."""
    op.add_column(table, column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, server_default=None, existing_type=column.type)
