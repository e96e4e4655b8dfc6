"""The project library (Art. 3).

Revision: 0006
Follows: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import Wall, holds, not_walled, protect, walls_on, within

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


OWN = within("region_code", "regions")
HANDLER = "(SELECT gate.handles())"
PUSHER = f"source_system = (SELECT gate.source()) AND {within('region_code', 'client_regions')}"
OFFICE = holds("league_office")


def subjects(project: str) -> str:
    return " AND ".join([not_walled("region", "region_code"), not_walled("project", project)])


def through_project(table: str) -> str:
    """A child is seen, and written, where its project is: the project's own policies decide."""
    return f"EXISTS (SELECT FROM projects AS parent WHERE parent.id = {table}.project_id)"


WRITERS = f"({OWN} OR {within('region_code', 'client_regions')} OR {OFFICE})"
# Staff of the region and a pushing client do what any applicant may; a handler who is walled writes nothing.
APPLICANT = f"({OWN} OR {within('region_code', 'client_regions')})"
ENTITY = not_walled("organisation", "organisation_id", nullable=True)
HANDLED = ("insert", "update", "delete")


def child(table: str, *, delete: bool = False, update: bool = False) -> list[str]:
    seen = through_project(table)
    write = f"{WRITERS} AND {seen}"
    return protect(
        table,
        select=seen,
        insert=write,
        update=write if update else None,
        delete=write if delete else None,
        walls=walls_on(
            [
                command
                for command in HANDLED
                if command == "insert" or (command == "update" and update) or (command == "delete" and delete)
            ],
            f"{APPLICANT} OR ({subjects('project_id')})",
        ),
    )


POLICIES = [
    *protect(
        "projects",
        select=(
            f"{OWN} OR ({PUSHER}) OR (membership <> 'draft' AND ({HANDLER} "
            f"OR {within('organisation_id', 'organisations', 'uuid')} OR {within('primary_mode', 'fields')}))"
        ),
        insert=f"{OWN} OR ({PUSHER})",
        update=f"{OWN} OR ({PUSHER}) OR {OFFICE}",
        walls=walls_on(("insert", "update"), f"{APPLICANT} OR ({subjects('id')} AND {ENTITY})"),
    ),
    *child("project_external_ids"),
    *child("project_funding", delete=True, update=True),
    *child("project_changes"),
    *protect(
        "project_decisions",
        select=through_project("project_decisions"),
        insert=f"{OFFICE} AND {through_project('project_decisions')}",
        walls=[Wall("insert", f"{subjects('project_id')} AND {ENTITY}")],
    ),
]


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("practice_area_id", sa.Uuid(), nullable=True),
        sa.Column("source_system", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("national_code", sa.Text(), nullable=True),
        sa.Column("construction_content", sa.Text(), nullable=True),
        sa.Column("primary_mode", sa.Text(), nullable=True),
        sa.Column("secondary_modes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("axis", sa.Text(), nullable=True),
        sa.Column("membership", sa.Text(), nullable=False),
        sa.Column("building_stage", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("expected_jobs", sa.Integer(), nullable=True),
        sa.Column("expected_households", sa.Integer(), nullable=True),
        sa.Column("expected_household_income_increase", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("expected_collective_income", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("expected_restored_area_mu", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "axis IN ('ecology_to_industry', 'industry_to_ecology')", name=op.f("ck_projects_axis_known")
        ),
        sa.CheckConstraint(
            "building_stage IN ('reserve', 'preparation', 'construction', 'completed', 'operation', 'suspended')",
            name=op.f("ck_projects_building_stage_known"),
        ),
        sa.CheckConstraint(
            "membership IN ('draft', 'proposed', 'in_library', 'declined', 'left')",
            name=op.f("ck_projects_membership_known"),
        ),
        sa.CheckConstraint(
            "ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on",
            name=op.f("ck_projects_dates_in_order"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_projects_organisation_id")),
        sa.ForeignKeyConstraint(["practice_area_id"], ["practice_areas.id"], name=op.f("fk_projects_practice_area_id")),
        sa.ForeignKeyConstraint(["primary_mode"], ["conversion_modes.code"], name=op.f("fk_projects_primary_mode")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_projects_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("id", "region_code", name=op.f("uq_projects_id_region_code")),
    )
    op.create_index("ix_projects_organisation_id", "projects", ["organisation_id"], unique=False)
    op.create_index("ix_projects_region_code", "projects", ["region_code", "updated_at", "id"], unique=False)
    op.create_index("ix_projects_updated_at", "projects", ["updated_at", "id"], unique=False)
    op.create_table(
        "project_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("import_run_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f("fk_project_changes_project_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_changes")),
    )
    op.create_index("ix_project_changes_project_id", "project_changes", ["project_id", "version", "id"], unique=False)
    op.create_table(
        "project_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome = 'admitted' OR reason IS NOT NULL", name=op.f("ck_project_decisions_reason_given")
        ),
        sa.CheckConstraint(
            "outcome IN ('admitted', 'declined', 'removed')", name=op.f("ck_project_decisions_outcome_known")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_project_decisions_decided_by")),
        sa.ForeignKeyConstraint(
            ["project_id", "region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f("fk_project_decisions_project_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_decisions")),
    )
    op.create_index("ix_project_decisions_project_id", "project_decisions", ["project_id"], unique=False)
    op.create_table(
        "project_external_ids",
        sa.Column("source_system", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f("fk_project_external_ids_project_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("source_system", "external_id", name=op.f("pk_project_external_ids")),
    )
    op.create_index("ix_project_external_ids_project_id", "project_external_ids", ["project_id"], unique=False)
    op.create_table(
        "project_funding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("planned", sa.Numeric(precision=16, scale=2), nullable=False),
        sa.Column("done", sa.Numeric(precision=16, scale=2), nullable=False),
        sa.CheckConstraint("planned >= 0 AND done >= 0", name=op.f("ck_project_funding_not_negative")),
        sa.ForeignKeyConstraint(
            ["project_id", "region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f("fk_project_funding_project_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["source"], ["funding_sources.code"], name=op.f("fk_project_funding_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_funding")),
        sa.UniqueConstraint(
            "project_id",
            "source",
            "year",
            name=op.f("uq_project_funding_project_id_source_year"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("project_funding")
    op.drop_index("ix_project_external_ids_project_id", table_name="project_external_ids")
    op.drop_table("project_external_ids")
    op.drop_index("ix_project_decisions_project_id", table_name="project_decisions")
    op.drop_table("project_decisions")
    op.drop_index("ix_project_changes_project_id", table_name="project_changes")
    op.drop_table("project_changes")
    op.drop_index("ix_projects_updated_at", table_name="projects")
    op.drop_index("ix_projects_region_code", table_name="projects")
    op.drop_index("ix_projects_organisation_id", table_name="projects")
    op.drop_table("projects")
