"""Events out: the feed, webhooks and their deliveries.

Revision: 0021
Follows: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import protect, within

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CLIENT = "(SELECT gate.kind()) = 'client'"
OWN = f"{CLIENT} AND client_id = (SELECT gate.principal())"
IN_REGIONS = within("region_code", "client_regions")


def shown_by(table: str) -> str:
    """Whether the resource is seen now: its own table's policies decide. OFFSET 0 keeps the planner from reading the
    whole table into a hash for a page of events."""
    return f"EXISTS (SELECT FROM {table} AS told WHERE told.id = feed_events.resource_id OFFSET 0)"


POLICIES = [
    # The cheap conditions first: only what may be the caller's at all is looked up.
    *protect(
        "feed_events",
        select=(
            f"{CLIENT} AND (source_system = (SELECT gate.source()) OR source_system IS NULL) AND CASE resource_kind "
            f"WHEN 'project' THEN {IN_REGIONS} AND {shown_by('projects')} "
            f"WHEN 'organisation' THEN {IN_REGIONS} AND {shown_by('organisations')} "
            f"WHEN 'import_run' THEN {shown_by('import_runs')} ELSE false END"
        ),
    ),
    *(
        statement
        for table in ("webhooks", "webhook_secrets", "webhook_progress", "webhook_deliveries")
        for statement in protect(table, select=OWN, insert=OWN, update=OWN)
    ),
]


def upgrade() -> None:
    op.add_column("outbox_events", sa.Column("ordinal", sa.BigInteger(), sa.Identity(), nullable=False))
    op.drop_index("ix_outbox_events_undelivered", table_name="outbox_events")
    op.create_index(
        "ix_outbox_events_undelivered",
        "outbox_events",
        ["ordinal"],
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "feed_events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("resource_kind", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("source_system", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "resource_kind IN ('project', 'organisation', 'import_run')",
            name=op.f("ck_feed_events_resource_kind_known"),
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_feed_events")),
        sa.UniqueConstraint("id", name=op.f("uq_feed_events_id")),
    )
    op.create_index("ix_feed_events_source_system", "feed_events", ["source_system", "position"])
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('active', 'disabled')", name=op.f("ck_webhooks_state_known")),
        sa.CheckConstraint(
            "disabled_reason IN ('by_client', 'gone', 'failing')", name=op.f("ck_webhooks_disabled_reason_known")
        ),
        sa.CheckConstraint(
            "(state = 'disabled') = (disabled_reason IS NOT NULL)", name=op.f("ck_webhooks_reason_when_disabled")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_webhooks_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("id", "client_id", name=op.f("uq_webhooks_id_client_id")),
    )
    op.create_index("ix_webhooks_client_id", "webhooks", ["client_id"])
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        of_webhook("webhook_secrets"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secrets")),
    )
    op.create_index("ix_webhook_secrets_webhook_id", "webhook_secrets", ["webhook_id"])
    op.create_table(
        "webhook_progress",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        of_webhook("webhook_progress"),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhook_progress")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("log", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'failed', 'dropped')", name=op.f("ck_webhook_deliveries_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'pending') = (next_attempt_at IS NOT NULL)",
            name=op.f("ck_webhook_deliveries_next_attempt_while_pending"),
        ),
        of_webhook("webhook_deliveries"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("webhook_id", "message_id", name=op.f("uq_webhook_deliveries_webhook_id_message_id")),
    )
    op.create_index("ix_webhook_deliveries_listed", "webhook_deliveries", ["webhook_id", "created_at", "id"])
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["webhook_id", "next_attempt_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    for statement in POLICIES:
        op.execute(statement)


def of_webhook(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["webhook_id", "client_id"],
        ["webhooks.id", "webhooks.client_id"],
        name=op.f(f"fk_{table}_webhook_id_client_id"),
    )


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_progress")
    op.drop_table("webhook_secrets")
    op.drop_table("webhooks")
    op.drop_table("feed_events")
    op.drop_index("ix_outbox_events_undelivered", table_name="outbox_events")
    op.drop_column("outbox_events", "ordinal")
    op.create_index(
        "ix_outbox_events_undelivered",
        "outbox_events",
        ["occurred_at"],
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
