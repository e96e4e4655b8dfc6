"""Conflicts between sources: pairs of projects that may be one, who owns which member, what was withheld (Art. 3).

Revision: 0023
Follows: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import Wall, holds, not_walled, protect, walls_on, within

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ANYBODY = "(SELECT gate.kind()) IS NOT NULL"
HANDLER = "(SELECT gate.handles())"
OFFICE = holds("league_office")
STAFF = within("region_code", "regions")
CLIENT = within("region_code", "client_regions")


def seen(table: str, column: str = "project_id") -> str:
    return f"EXISTS (SELECT FROM projects AS parent WHERE parent.id = {table}.{column})"


def both(table: str) -> str:
    return f"{seen(table)} AND {seen(table, 'other_project_id')}"


UNWALLED = " AND ".join(
    [
        not_walled("region", "region_code"),
        not_walled("project", "project_id"),
        not_walled("region", "other_region_code"),
        not_walled("project", "other_project_id"),
    ]
)
ENTITIES = " AND ".join(
    not_walled("organisation", column, nullable=True) for column in ("organisation_id", "other_organisation_id")
)
# A proposal of one source is nothing to the next one: each sees its own, also on a project that both tell of.
PROPOSALS = seen("project_proposals")
OWN_PROPOSALS = f"((SELECT gate.kind()) <> 'client' OR source_system = (SELECT gate.source())) AND {PROPOSALS}"
POLICIES = [
    # The league's alone: that a row has a twin in another system is not for who pushed it.
    *protect(
        "project_matches",
        select=f"{HANDLER} AND {both('project_matches')}",
        update=f"{OFFICE} AND {both('project_matches')}",
        walls=walls_on(("update",), UNWALLED),
    ),
    *protect(
        "project_match_decisions",
        select=f"{HANDLER} AND {both('project_match_decisions')}",
        insert=f"{OFFICE} AND {both('project_match_decisions')}",
        walls=[Wall("insert", f"{UNWALLED} AND {ENTITIES}")],
    ),
    *protect(
        "project_withheld_words",
        select=seen("project_withheld_words"),
        insert=f"({STAFF} OR {CLIENT}) AND {seen('project_withheld_words')}",
        update=f"({STAFF} OR {CLIENT}) AND {seen('project_withheld_words')}",
    ),
    *protect("field_ownerships", select=ANYBODY, insert=OFFICE),
]


def _sides() -> list[sa.Column[object]]:
    return [
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("other_project_id", sa.Uuid(), nullable=False),
        sa.Column("other_region_code", sa.Text(), nullable=False),
    ]


def _keys(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [f"{side}project_id", f"{side}region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f(f"fk_{table}_{side}project_id_{side}region_code"),
        )
        for side in ("", "other_")
    ]


def upgrade() -> None:
    op.add_column("projects", sa.Column("same_as", sa.Uuid(), nullable=True))
    op.add_column(
        "projects",
        sa.Column("owned_elsewhere", postgresql.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
    )
    op.create_foreign_key(op.f("fk_projects_same_as"), "projects", "projects", ["same_as"], ["id"])
    op.create_check_constraint(op.f("ck_projects_same_as_another"), "projects", "same_as <> id")
    for column in ("national_code", "same_as"):
        op.create_index(
            f"ix_projects_{column}", "projects", [column], postgresql_where=sa.text(f"{column} IS NOT NULL")
        )
    op.add_column(
        "import_rows",
        sa.Column("withheld", postgresql.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
    )
    op.alter_column("import_rows", "withheld", server_default=None)
    op.create_table(
        "project_matches",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_sides(),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kept_project_id", sa.Uuid(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("import_run_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("basis IN ('national_code', 'name')", name=op.f("ck_project_matches_basis_known")),
        sa.CheckConstraint(
            "state IN ('open', 'same', 'distinct', 'withdrawn')", name=op.f("ck_project_matches_state_known")
        ),
        sa.CheckConstraint("project_id < other_project_id", name=op.f("ck_project_matches_in_order")),
        sa.CheckConstraint(
            "(state = 'same') = (kept_project_id IS NOT NULL)", name=op.f("ck_project_matches_kept_when_same")
        ),
        sa.CheckConstraint(
            "kept_project_id IN (project_id, other_project_id)", name=op.f("ck_project_matches_kept_is_one_of_both")
        ),
        *_keys("project_matches"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_matches")),
        sa.UniqueConstraint(
            "project_id", "other_project_id", name=op.f("uq_project_matches_project_id_other_project_id")
        ),
    )
    op.create_index("ix_project_matches_found_at", "project_matches", ["found_at", "id"])
    op.create_index("ix_project_matches_other_project_id", "project_matches", ["other_project_id"])
    op.create_table(
        "project_match_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=False),
        *_sides(),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("other_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("kept_project_id", sa.Uuid(), nullable=True),
        sa.Column("moved_from", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('same', 'distinct', 'reopened')", name=op.f("ck_project_match_decisions_outcome_known")
        ),
        *_keys("project_match_decisions"),
        sa.ForeignKeyConstraint(["match_id"], ["project_matches.id"], name=op.f("fk_project_match_decisions_match_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_project_match_decisions_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_match_decisions")),
    )
    op.create_index("ix_project_match_decisions_match_id", "project_match_decisions", ["match_id", "decided_at"])
    op.create_table(
        "project_withheld_words",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("import_run_id", sa.Uuid(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f("fk_project_withheld_words_project_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("project_id", "member", name=op.f("pk_project_withheld_words")),
    )
    op.create_table(
        "field_ownerships",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_field_ownerships_version_counts")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_field_ownerships_decided_by")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_field_ownerships")),
    )
    for statement in POLICIES:
        op.execute(statement)
    op.execute(f"ALTER POLICY app_select ON project_proposals USING ({OWN_PROPOSALS})")


def downgrade() -> None:
    op.execute(f"ALTER POLICY app_select ON project_proposals USING ({PROPOSALS})")
    for table in ("field_ownerships", "project_withheld_words", "project_match_decisions", "project_matches"):
        op.drop_table(table)
    op.drop_column("import_rows", "withheld")
    for column in ("same_as", "national_code"):
        op.drop_index(f"ix_projects_{column}", table_name="projects")
    op.drop_constraint(op.f("ck_projects_same_as_another"), "projects", type_="check")
    op.drop_constraint(op.f("fk_projects_same_as"), "projects", type_="foreignkey")
    op.drop_column("projects", "owned_elsewhere")
    op.drop_column("projects", "same_as")
