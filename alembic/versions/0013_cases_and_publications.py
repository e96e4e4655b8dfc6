"""Typical cases (Art. 12-13) and what is published.

Revision: 0013
Follows: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import APP, Wall, engine_function, holds, not_walled, protect, walls_on, within

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


OWN = within("region_code", "regions")
FILED = "(SELECT gate.sees_filed())"
HANDLER = "(SELECT gate.handles())"
OFFICE = holds("league_office")
PERSON = "(SELECT gate.kind()) = 'person'"
ANYBODY = "(SELECT gate.kind()) IS NOT NULL"
EVERY = ("select", "insert", "update", "delete")


def walled(case: str) -> str:
    return f"{not_walled('region', 'region_code')} AND {not_walled('case', case)}"


# Nobody judges what they are staff of, whatever else they are.
OTHERS = "region_code NOT IN (SELECT unnest(gate.own_regions()))"
PROJECT = not_walled("project", "project_id", nullable=True)

# Whether a case is selected says something of every other case of its round: until the round is published, who is
# walled from one of them sees none of it.
WALLED_ROUNDS = """
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT f.round_id FROM case_files AS f JOIN case_rounds AS r ON r.id = f.round_id
        WHERE r.phase <> 'published' AND (f.region_code = ANY (gate.own_regions())
              OR gate.walls() && ARRAY['region:' || f.region_code, 'case:' || f.case_id]));
END
"""
SELECTION = "(state NOT IN ('selected', 'not_selected') OR round_id NOT IN (SELECT unnest(gate.walled_rounds())))"

POLICIES = [
    *protect("case_rounds", select=ANYBODY, insert=OFFICE, update=OFFICE),
    *protect(
        "cases",
        select=f"{OWN} OR (state <> 'draft' AND {FILED})",
        insert=OWN,
        update=f"{OWN} OR {OFFICE}",
        walls=walls_on(("insert", "update"), f"{OWN} OR ({walled('id')} AND {PROJECT})"),
    ),
    *protect(
        "case_decisions",
        select=f"{OWN} OR {HANDLER}",
        insert=OFFICE,
        walls=[Wall("insert", walled("case_id"))],
    ),
    *protect(
        "case_files",
        select=HANDLER,
        insert=OFFICE,
        update=HANDLER,
        walls=[
            *walls_on(("insert", "delete"), f"{PERSON} AND {OTHERS} AND {walled('case_id')}"),
            *walls_on(("select", "update"), f"{PERSON} AND {OTHERS} AND {walled('case_id')} AND {SELECTION}"),
        ],
    ),
    # Everybody's, recused or not. Written by the worker alone.
    *protect("publications", select=ANYBODY),
]


def upgrade() -> None:
    for statement in engine_function("walled_rounds() RETURNS uuid[]", WALLED_ROUNDS, callers=(APP,)):
        op.execute(statement)
    op.execute("ALTER FUNCTION gate.walled_rounds() STABLE")
    op.create_table(
        "case_rounds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("selected_at_most", sa.Integer(), nullable=False),
        sa.Column("criteria", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("criteria_sha256", sa.Text(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("reserves", sa.Integer(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "phase IN ('open', 'reviewing', 'closed', 'published')", name=op.f("ck_case_rounds_phase_known")
        ),
        sa.CheckConstraint(
            "seats >= 1 AND reserves >= 0 AND quorum BETWEEN 1 AND seats", name=op.f("ck_case_rounds_seats_in_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_rounds")),
        sa.UniqueConstraint("year", name=op.f("uq_case_rounds_year")),
    )
    op.create_table(
        "publications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('evaluation_results', 'cases')", name=op.f("ck_publications_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publications")),
        sa.UniqueConstraint("kind", "year", "number", name=op.f("uq_publications_kind_year_number")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("mode_code", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("innovation", sa.Text(), nullable=True),
        sa.Column("results", sa.Text(), nullable=True),
        sa.Column("transferability", sa.Text(), nullable=True),
        sa.Column("regularity", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("prepared_by", sa.Uuid(), nullable=False),
        sa.Column("edited_by", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("recommended_by", sa.Uuid(), nullable=True),
        sa.Column("recommended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'recommended', 'returned')", name=op.f("ck_cases_state_known")),
        sa.ForeignKeyConstraint(["mode_code"], ["conversion_modes.code"], name=op.f("fk_cases_mode_code")),
        sa.ForeignKeyConstraint(["prepared_by"], ["people.id"], name=op.f("fk_cases_prepared_by")),
        sa.ForeignKeyConstraint(
            ["project_id", "region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f("fk_cases_project_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["recommended_by"], ["people.id"], name=op.f("fk_cases_recommended_by")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_cases_region_code")),
        sa.ForeignKeyConstraint(["round_id"], ["case_rounds.id"], name=op.f("fk_cases_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("id", "region_code", name=op.f("uq_cases_id_region_code")),
    )
    op.create_index("ix_cases_updated_at", "cases", ["updated_at", "id"], unique=False)
    op.create_index("ix_cases_project_id", "cases", ["project_id"], unique=False)
    op.create_table(
        "case_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('returned')", name=op.f("ck_case_decisions_outcome_known")),
        sa.ForeignKeyConstraint(
            ["case_id", "region_code"],
            ["cases.id", "cases.region_code"],
            name=op.f("fk_case_decisions_case_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_case_decisions_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_decisions")),
    )
    op.create_index("ix_case_decisions_case_id", "case_decisions", ["case_id"], unique=False)
    op.create_table(
        "case_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("blocked_quorum", sa.Boolean(), nullable=False),
        sa.Column("under_correction", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Numeric(precision=9, scale=4), nullable=True),
        sa.Column("explanation", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('under_review', 'scored', 'selected', 'not_selected', 'published')",
            name=op.f("ck_case_files_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id", "region_code"],
            ["cases.id", "cases.region_code"],
            name=op.f("fk_case_files_case_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["round_id"], ["case_rounds.id"], name=op.f("fk_case_files_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_files")),
        sa.UniqueConstraint("case_id", name=op.f("uq_case_files_case_id")),
    )
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("case_files")
    op.drop_index("ix_case_decisions_case_id", table_name="case_decisions")
    op.drop_table("case_decisions")
    op.drop_index("ix_cases_updated_at", table_name="cases")
    op.drop_table("cases")
    op.drop_table("publications")
    op.drop_table("case_rounds")
    op.execute("DROP FUNCTION gate.walled_rounds()")
