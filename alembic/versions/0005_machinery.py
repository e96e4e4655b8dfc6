"""Audit (append-only, partitioned by year), outbox and idempotency.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import Wall, holds, not_walled, protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


ME = "(SELECT gate.principal())"
NOT_WALLED = " AND ".join(
    not_walled(kind, column, nullable=True)
    for kind, column in (
        ("region", "region_code"),
        ("organisation", "organisation_id"),
        ("project", "project_id"),
    )
)

POLICIES = [
    # Writing is unconditional: what must be recorded does not depend on what the writer may read.
    *protect(
        "audit_entries",
        select=f"actor_id = {ME} OR {holds('auditor')}",
        insert="true",
        walls=[Wall("select", f"actor_id = {ME} OR ({NOT_WALLED})")],
    ),
    *protect("outbox_events", insert="true"),
    *protect(
        "idempotency_records",
        select=f"principal_id = {ME}",
        insert=f"principal_id = {ME}",
    ),
]

# Decades ahead; what falls outside is kept in the default partition, never refused.
PARTITIONS = [str(year) for year in range(2025, 2046)]


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("resource_kind", sa.Text(), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("outcome IN ('done', 'denied', 'failed')", name=op.f("ck_audit_entries_outcome_known")),
        sa.PrimaryKeyConstraint("id", "occurred_at", name=op.f("pk_audit_entries")),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index("ix_audit_entries_actor_id", "audit_entries", ["actor_id", "occurred_at"], unique=False)
    op.create_index("ix_audit_entries_occurred_at", "audit_entries", ["occurred_at", "id"], unique=False)
    op.create_index("ix_audit_entries_resource_id", "audit_entries", ["resource_id", "occurred_at"], unique=False)
    op.create_table(
        "idempotency_records",
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", "key", name=op.f("pk_idempotency_records")),
    )
    op.create_table(
        "outbox_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("resource_kind", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
    )
    op.create_index(
        "ix_outbox_events_undelivered",
        "outbox_events",
        ["occurred_at"],
        unique=False,
        postgresql_where="delivered_at IS NULL",
    )
    for statement in POLICIES:
        op.execute(statement)
    for year in PARTITIONS:
        op.execute(
            f"CREATE TABLE audit_entries_{year} PARTITION OF audit_entries "
            f"FOR VALUES FROM ('{year}-01-01 00:00:00+00') TO ('{int(year) + 1}-01-01 00:00:00+00')"
        )
    op.execute("CREATE TABLE audit_entries_default PARTITION OF audit_entries DEFAULT")
    # Partitions get no grant, and their own policies forced: they are no way round the parent.
    for part in [*PARTITIONS, "default"]:
        op.execute(f"ALTER TABLE audit_entries_{part} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE audit_entries_{part} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_index("ix_outbox_events_undelivered", table_name="outbox_events", postgresql_where="delivered_at IS NULL")
    op.drop_table("outbox_events")
    op.drop_table("idempotency_records")
    op.drop_index("ix_audit_entries_resource_id", table_name="audit_entries")
    op.drop_index("ix_audit_entries_occurred_at", table_name="audit_entries")
    op.drop_index("ix_audit_entries_actor_id", table_name="audit_entries")
    op.drop_table("audit_entries")
