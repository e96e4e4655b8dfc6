"""Experts, panels, draws, assignments, frozen copies, score sheets (Art. 9, 11, 13).

Revision: 0011
Follows: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import APP, engine_function, holds, not_walled, protect, walls_on

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


ME = "(SELECT gate.principal())"
PERSON = "(SELECT gate.kind()) = 'person'"
HANDLER = "(SELECT gate.handles())"
OFFICE = holds("league_office")
# Nobody judges what they are staff of, whatever else they are.
OTHERS = "region_code NOT IN (SELECT unnest(gate.own_regions()))"
JUDGED = (
    f"{PERSON} AND {OTHERS} AND {not_walled('region', 'region_code')} "
    f"AND {not_walled('case', 'case_id', nullable=True)}"
)
EVERY = ("select", "insert", "update", "delete")


def seated(table: str, *states: str) -> str:
    listed = ", ".join(f"'{state}'" for state in states)
    return (
        f"EXISTS (SELECT FROM assignments AS mine WHERE mine.panel_id = {table} "
        f"AND mine.person_id = {ME} AND mine.state IN ({listed}))"
    )


MY_SHEET = (
    f"person_id = {ME} AND EXISTS (SELECT FROM assignments AS mine WHERE mine.id = score_sheets.assignment_id "
    f"AND mine.person_id = {ME} AND mine.state = 'declared')"
)

# Who sits on a panel meets it as a member, also where they hold an office: neither the others' seats nor their sheets.
OWN_PANELS = """
BEGIN
    RETURN ARRAY(SELECT a.panel_id FROM assignments AS a WHERE a.person_id = gate.principal());
END
"""


def handled(panel: str) -> str:
    return f"({HANDLER} AND {panel} NOT IN (SELECT unnest(gate.own_panels())))"


POLICIES = [
    *protect("experts", select=f"person_id = {ME} OR {HANDLER}", insert=OFFICE, update=OFFICE),
    # A reserve is told nothing until promoted; who was suspended or voided gets no further by an act of their own.
    *protect(
        "assignments",
        select=f"(person_id = {ME} AND NOT is_reserve) OR {handled('panel_id')}",
        update=f"person_id = {ME} AND NOT is_reserve AND state NOT IN ('suspended', 'voided')",
        walls=walls_on(EVERY, JUDGED),
    ),
    *protect(
        "panels",
        select=f"{HANDLER} OR {seated('panels.id', 'invited', 'accepted', 'declared', 'done', 'declined')}",
        insert=OFFICE,
        update=OFFICE,
        walls=walls_on(EVERY, JUDGED),
    ),
    *protect("draws", select=handled("panel_id"), walls=walls_on(EVERY, JUDGED)),
    *protect(
        "review_copies",
        select=f"{HANDLER} OR {seated('review_copies.panel_id', 'declared', 'done')}",
        insert=OFFICE,
        walls=walls_on(EVERY, JUDGED),
    ),
    # Others' sheets are the office's only once all are in: nobody steers a panel by what it has said so far. What does
    # not count is sealed, also from the office.
    *protect(
        "score_sheets",
        select=(
            f"person_id = {ME} OR ({handled('panel_id')} AND EXISTS (SELECT FROM panels AS whole "
            "WHERE whole.id = score_sheets.panel_id AND whole.state = 'complete') AND state IN ('draft', 'submitted'))"
        ),
        insert=MY_SHEET,
        update=MY_SHEET,
        walls=walls_on(EVERY, JUDGED),
    ),
]


def upgrade() -> None:
    for statement in engine_function("own_panels() RETURNS uuid[]", OWN_PANELS, callers=(APP,)):
        op.execute(statement)
    op.execute("ALTER FUNCTION gate.own_panels() STABLE")
    op.create_table(
        "panels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("criteria", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("reserves", sa.Integer(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('forming', 'reviewing', 'complete', 'blocked_quorum')", name=op.f("ck_panels_state_known")
        ),
        sa.CheckConstraint("subject_kind IN ('evaluation', 'case')", name=op.f("ck_panels_subject_kind_known")),
        sa.CheckConstraint(
            "seats >= 1 AND reserves >= 0 AND quorum BETWEEN 1 AND seats", name=op.f("ck_panels_seats_in_order")
        ),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_panels_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panels")),
        sa.UniqueConstraint("id", "region_code", name=op.f("uq_panels_id_region_code")),
        sa.UniqueConstraint("subject_kind", "subject_id", name=op.f("uq_panels_subject_kind_subject_id")),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("panel_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_reserve", sa.Boolean(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decline_reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resume_to", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("method IN ('drawn', 'named')", name=op.f("ck_assignments_method_known")),
        sa.CheckConstraint(
            "state IN ('invited', 'accepted', 'declared', 'done', 'declined', 'suspended', 'voided')",
            name=op.f("ck_assignments_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["panel_id", "region_code"],
            ["panels.id", "panels.region_code"],
            name=op.f("fk_assignments_panel_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_assignments_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint("id", "region_code", name=op.f("uq_assignments_id_region_code")),
        sa.UniqueConstraint("panel_id", "person_id", name=op.f("uq_assignments_panel_id_person_id")),
    )
    op.create_index("ix_assignments_person_id", "assignments", ["person_id"], unique=False)
    op.create_table(
        "draws",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("panel_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("candidates", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("candidates_sha256", sa.Text(), nullable=False),
        sa.Column("excluded", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["panel_id", "region_code"], ["panels.id", "panels.region_code"], name=op.f("fk_draws_panel_id_region_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draws")),
    )
    op.create_table(
        "experts",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("specialties", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("term_ends_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_experts_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_experts")),
    )
    op.create_table(
        "review_copies",
        sa.Column("panel_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["panel_id", "region_code"],
            ["panels.id", "panels.region_code"],
            name=op.f("fk_review_copies_panel_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("panel_id", name=op.f("pk_review_copies")),
    )
    op.create_table(
        "score_sheets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("panel_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("scores", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(precision=9, scale=4), nullable=True),
        sa.Column("salt", sa.Uuid(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'sealed', 'voided')", name=op.f("ck_score_sheets_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id", "region_code"],
            ["assignments.id", "assignments.region_code"],
            name=op.f("fk_score_sheets_assignment_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_score_sheets_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_sheets")),
        sa.UniqueConstraint("assignment_id", name=op.f("uq_score_sheets_assignment_id")),
    )
    op.create_index("ix_score_sheets_panel_id", "score_sheets", ["panel_id"], unique=False)
    op.create_index("ix_score_sheets_person_id", "score_sheets", ["person_id"], unique=False)
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    # Together: their policies read one another.
    op.execute("DROP TABLE score_sheets, review_copies, draws, assignments, panels, experts")
    op.execute("DROP FUNCTION gate.own_panels()")
