"""Import runs with their receipts; reporting tasks.

Revision: 0008
Follows: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import holds, not_walled, protect, walls_on, within

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


PUSHER = "(SELECT gate.kind()) = 'client' AND client_id = (SELECT gate.principal())"
HANDLER = "(SELECT gate.handles())"
OFFICE = holds("league_office")
OWN = within("region_code", "regions")

POLICIES = [
    # Receipts are immutable: nobody updates or deletes one.
    *protect("import_runs", select=f"({PUSHER}) OR {HANDLER}", insert=PUSHER),
    *protect("import_rows", select=f"({PUSHER}) OR {HANDLER}", insert=PUSHER),
    *protect("reporting_tasks", select="(SELECT gate.kind()) = 'person'", insert=OFFICE, update=OFFICE),
    *protect(
        "reporting_task_regions",
        select=f"{OWN} OR (SELECT gate.sees_filed())",
        insert=OFFICE,
        update=OFFICE,
        walls=walls_on(("update",), not_walled("region", "region_code")),
    ),
]


def upgrade() -> None:
    op.create_table(
        "reporting_tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('plan')", name=op.f("ck_reporting_tasks_kind_known")),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_reporting_tasks_state_known")),
        sa.ForeignKeyConstraint(["issued_by"], ["people.id"], name=op.f("fk_reporting_tasks_issued_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reporting_tasks")),
    )
    op.create_index("ix_reporting_tasks_due_on", "reporting_tasks", ["due_on", "id"], unique=False)
    op.create_table(
        "import_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("source_system", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("on_missing", sa.Text(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("not_applied", sa.Integer(), nullable=False),
        sa.Column("left_library", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mode IN ('atomic', 'partial')", name=op.f("ck_import_runs_mode_known")),
        sa.CheckConstraint("on_missing IN ('ignore', 'leave')", name=op.f("ck_import_runs_on_missing_known")),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'partial', 'rejected')", name=op.f("ck_import_runs_outcome_known")
        ),
        sa.CheckConstraint("strategy IN ('create', 'update', 'upsert')", name=op.f("ck_import_runs_strategy_known")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_import_runs_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_runs")),
        sa.UniqueConstraint("id", "client_id", name=op.f("uq_import_runs_id_client_id")),
    )
    op.create_table(
        "reporting_task_regions",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("extended_to", sa.Date(), nullable=True),
        sa.Column("extension_reason", sa.Text(), nullable=True),
        sa.Column("extended_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_reporting_task_regions_region_code")),
        sa.ForeignKeyConstraint(["task_id"], ["reporting_tasks.id"], name=op.f("fk_reporting_task_regions_task_id")),
        sa.PrimaryKeyConstraint("task_id", "region_code", name=op.f("pk_reporting_task_regions")),
    )
    op.create_table(
        "import_rows",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "action IN ('created', 'updated', 'unchanged', 'rejected', 'not_applied')",
            name=op.f("ck_import_rows_action_known"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["import_runs.id"], name=op.f("fk_import_rows_run_id")),
        sa.PrimaryKeyConstraint("run_id", "index", name=op.f("pk_import_rows")),
    )
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("import_rows")
    op.drop_table("reporting_task_regions")
    op.drop_table("import_runs")
    op.drop_index("ix_reporting_tasks_due_on", table_name="reporting_tasks")
    op.drop_table("reporting_tasks")
