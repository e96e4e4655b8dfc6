"""Yearly plans, their versions and the office's answers (Art. 3).

Revision: 0007
Follows: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import Wall, holds, not_walled, protect, walls_on, within

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


OWN = within("region_code", "regions")
FILED = "(SELECT gate.sees_filed())"
OFFICE = holds("league_office")
WALLED = not_walled("region", "region_code")

# The working copy is the region's own; the league reads what was signed and sent.
WORKING_COPY = (
    "plan_targets",
    "plan_tasks",
    "plan_arrangements",
    "plan_safeguards",
    "plan_preparers",
)

POLICIES = [
    *protect(
        "plans",
        select=f"{OWN} OR (latest_version IS NOT NULL AND {FILED})",
        insert=OWN,
        update=f"{OWN} OR {OFFICE}",
        walls=walls_on(("insert", "update"), f"{OWN} OR {WALLED}"),
    ),
    *protect("plan_drafts", select=OWN, insert=OWN, update=OWN),
    *(
        statement
        for table in WORKING_COPY
        for statement in protect(table, select=OWN, insert=OWN, update=OWN, delete=OWN)
    ),
    *protect("plan_versions", select=f"{OWN} OR {FILED}", insert=OWN),
    # A proceeding: the region is its addressee, the office its handler. A recused officer writes none.
    *protect(
        "plan_filings",
        select=f"{OWN} OR (SELECT gate.handles())",
        insert=OFFICE,
        walls=[Wall("insert", WALLED)],
    ),
    *protect("plan_filing_series", select=OFFICE, insert=OFFICE, update=OFFICE),
]


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'awaiting_signature', 'submitted', 'filed', 'returned', 'amending')",
            name=op.f("ck_plans_state_known"),
        ),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_plans_year_range")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_plans_region_code")),
        sa.ForeignKeyConstraint(["submitted_by"], ["people.id"], name=op.f("fk_plans_submitted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("id", "region_code", name=op.f("uq_plans_id_region_code")),
        sa.UniqueConstraint("region_code", "year", name=op.f("uq_plans_region_code_year")),
    )
    op.create_index("ix_plans_updated_at", "plans", ["updated_at", "id"], unique=False)
    op.create_table(
        "plan_arrangements",
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("planned_investment", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("responsible_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_arrangements_plan_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_plan_arrangements_project_id")),
        sa.ForeignKeyConstraint(
            ["responsible_organisation_id"],
            ["organisations.id"],
            name=op.f("fk_plan_arrangements_responsible_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_arrangements")),
    )
    op.create_index("ix_plan_arrangements_plan_id", "plan_arrangements", ["plan_id"], unique=False)
    op.create_table(
        "plan_drafts",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("resource_assessment", sa.Text(), nullable=True),
        sa.Column("overview", sa.Text(), nullable=True),
        sa.Column("amendment_reason", sa.Text(), nullable=True),
        sa.Column("send_back_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_drafts_plan_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plan_drafts")),
    )
    op.create_table(
        "plan_preparers",
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("responsible_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "organisation_id IS NOT NULL OR person_id IS NOT NULL OR name IS NOT NULL",
            name=op.f("ck_plan_preparers_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_plan_preparers_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_plan_preparers_person_id")),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_preparers_plan_id_region_code"),
        ),
        sa.ForeignKeyConstraint(
            ["responsible_organisation_id"],
            ["organisations.id"],
            name=op.f("fk_plan_preparers_responsible_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_preparers")),
    )
    op.create_index("ix_plan_preparers_plan_id", "plan_preparers", ["plan_id"], unique=False)
    op.create_table(
        "plan_safeguards",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("responsible_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('organisation', 'funding', 'policy', 'technology', 'land', 'other')",
            name=op.f("ck_plan_safeguards_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_safeguards_plan_id_region_code"),
        ),
        sa.ForeignKeyConstraint(
            ["responsible_organisation_id"],
            ["organisations.id"],
            name=op.f("fk_plan_safeguards_responsible_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_safeguards")),
    )
    op.create_index("ix_plan_safeguards_plan_id", "plan_safeguards", ["plan_id"], unique=False)
    op.create_table(
        "plan_targets",
        sa.Column("indicator_code", sa.Text(), nullable=False),
        sa.Column("baseline_value", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("target_value", sa.Numeric(precision=16, scale=2), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("responsible_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["indicator_code"], ["indicators.code"], name=op.f("fk_plan_targets_indicator_code")),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_targets_plan_id_region_code"),
        ),
        sa.ForeignKeyConstraint(
            ["responsible_organisation_id"],
            ["organisations.id"],
            name=op.f("fk_plan_targets_responsible_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_targets")),
        sa.UniqueConstraint("plan_id", "indicator_code", name=op.f("uq_plan_targets_plan_id_indicator_code")),
    )
    op.create_index("ix_plan_targets_plan_id", "plan_targets", ["plan_id"], unique=False)
    op.create_table(
        "plan_tasks",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("responsible_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_tasks_plan_id_region_code"),
        ),
        sa.ForeignKeyConstraint(
            ["responsible_organisation_id"],
            ["organisations.id"],
            name=op.f("fk_plan_tasks_responsible_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_tasks")),
    )
    op.create_index("ix_plan_tasks_plan_id", "plan_tasks", ["plan_id"], unique=False)
    op.create_table(
        "plan_versions",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("signed_by", sa.Uuid(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=False),
        sa.Column("document_date", sa.Date(), nullable=False),
        sa.Column("amendment_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("number >= 1", name=op.f("ck_plan_versions_number_from_one")),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_versions_plan_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["signed_by"], ["people.id"], name=op.f("fk_plan_versions_signed_by")),
        sa.ForeignKeyConstraint(["submitted_by"], ["people.id"], name=op.f("fk_plan_versions_submitted_by")),
        sa.PrimaryKeyConstraint("plan_id", "number", name=op.f("pk_plan_versions")),
    )
    op.create_table(
        "plan_filings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("filing_number", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("remarks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'filed') = (filing_number IS NOT NULL)",
            name=op.f("ck_plan_filings_number_when_filed"),
        ),
        sa.CheckConstraint("outcome IN ('filed', 'returned')", name=op.f("ck_plan_filings_outcome_known")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_plan_filings_decided_by")),
        sa.ForeignKeyConstraint(
            ["plan_id", "region_code"],
            ["plans.id", "plans.region_code"],
            name=op.f("fk_plan_filings_plan_id_region_code"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "version_number"],
            ["plan_versions.plan_id", "plan_versions.number"],
            name=op.f("fk_plan_filings_plan_id_version_number"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_filings")),
        sa.UniqueConstraint("filing_number", name=op.f("uq_plan_filings_filing_number")),
        sa.UniqueConstraint("plan_id", "version_number", name=op.f("uq_plan_filings_plan_id_version_number")),
    )
    op.create_table(
        "plan_filing_series",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_plan_filing_series")),
    )
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("plan_filing_series")
    op.drop_table("plan_filings")
    op.drop_table("plan_versions")
    op.drop_index("ix_plan_tasks_plan_id", table_name="plan_tasks")
    op.drop_table("plan_tasks")
    op.drop_index("ix_plan_targets_plan_id", table_name="plan_targets")
    op.drop_table("plan_targets")
    op.drop_index("ix_plan_safeguards_plan_id", table_name="plan_safeguards")
    op.drop_table("plan_safeguards")
    op.drop_index("ix_plan_preparers_plan_id", table_name="plan_preparers")
    op.drop_table("plan_preparers")
    op.drop_table("plan_drafts")
    op.drop_index("ix_plan_arrangements_plan_id", table_name="plan_arrangements")
    op.drop_table("plan_arrangements")
    op.drop_index("ix_plans_updated_at", table_name="plans")
    op.drop_table("plans")
