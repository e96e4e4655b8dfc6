"""Commitments, declarations and recusals (回避, Art. 11).

Revision: 0010
Follows: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import APP, engine_function, not_walled, protect, walls_on

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


ME = "(SELECT gate.principal())"
PERSON = "(SELECT gate.kind()) = 'person'"
DECIDER = "(SELECT gate.handles())"
SUBJECTS = " AND ".join(
    not_walled(kind, column, nullable=True)
    for kind, column in (
        ("region", "region_code"),
        ("organisation", "organisation_id"),
        ("project", "project_id"),
        ("case", "case_id"),
    )
)
EVERY = ("select", "insert", "update", "delete")

# What one is staff of is judged by others: the regions of one's own grants, and those whose library holds a project
# of one's own organisation.
OWN_REGIONS = """
BEGIN
    RETURN ARRAY(SELECT unnest(gate.regions())
                 UNION SELECT p.region_code FROM projects AS p
                 WHERE p.organisation_id = ANY (gate.organisations()) AND p.membership = 'in_library');
END
"""

POLICIES = [
    *protect("commitment_texts", select="(SELECT gate.kind()) IS NOT NULL"),
    *protect(
        "commitments",
        select=f"person_id = {ME} OR {DECIDER}",
        insert=f"person_id = {ME}",
        walls=walls_on(EVERY, PERSON),
    ),
    *protect("declarations", select=f"person_id = {ME}", insert=f"person_id = {ME}", walls=walls_on(EVERY, PERSON)),
    # Written by gate functions only. The person concerned reads none of it: who started it is not theirs to know.
    *protect(
        "recusals",
        select=f"{DECIDER} AND person_id <> {ME}",
        walls=walls_on(EVERY, f"{PERSON} AND {SUBJECTS}"),
    ),
    *protect(
        "recusal_decisions",
        select=f"{DECIDER} AND EXISTS (SELECT FROM recusals AS own WHERE own.id = recusal_decisions.recusal_id)",
        walls=walls_on(EVERY, f"{PERSON} AND {SUBJECTS}"),
    ),
    *protect("recusal_notices", select=f"person_id = {ME}", walls=walls_on(EVERY, PERSON)),
]


def upgrade() -> None:
    for statement in engine_function("own_regions() RETURNS text[]", OWN_REGIONS, callers=(APP,)):
        op.execute(statement)
    op.execute("ALTER FUNCTION gate.own_regions() STABLE")
    op.create_table(
        "commitment_texts",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_commitment_texts")),
    )
    op.create_table(
        "commitments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("text_sha256", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_commitments_year_range")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_commitments_person_id")),
        sa.ForeignKeyConstraint(
            ["text_version"], ["commitment_texts.version"], name=op.f("fk_commitments_text_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitments")),
        sa.UniqueConstraint("person_id", "year", name=op.f("uq_commitments_person_id_year")),
    )
    op.create_table(
        "declarations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("has_interests", sa.Boolean(), nullable=False),
        sa.Column("interests", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_declarations_year_range")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_declarations_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declarations")),
        sa.UniqueConstraint(
            "person_id",
            "year",
            "assignment_id",
            name=op.f("uq_declarations_person_id_year_assignment_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "recusals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("reaches", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("initiator", sa.Text(), nullable=False),
        sa.Column("initiated_by", sa.Uuid(), nullable=True),
        sa.Column("relation_code", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "initiator IN ('self', 'interested_party', 'informant', 'ex_officio', 'detected')",
            name=op.f("ck_recusals_initiator_known"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'provisional', 'in_force', 'rejected', 'lifted')",
            name=op.f("ck_recusals_state_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(region_code, organisation_id, project_id, case_id) = 1", name=op.f("ck_recusals_one_subject")
        ),
        sa.ForeignKeyConstraint(["initiated_by"], ["people.id"], name=op.f("fk_recusals_initiated_by")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_recusals_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_recusals_person_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_recusals_project_id")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_recusals_region_code")),
        sa.ForeignKeyConstraint(["relation_code"], ["relations.code"], name=op.f("fk_recusals_relation_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recusals")),
    )
    op.create_index("ix_recusals_person_id", "recusals", ["person_id"], unique=False)
    op.create_index("ix_recusals_region_code", "recusals", ["region_code"], unique=False)
    op.create_table(
        "recusal_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recusal_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('in_force', 'rejected', 'lift_proposed', 'lifted')",
            name=op.f("ck_recusal_decisions_outcome_known"),
        ),
        sa.CheckConstraint("length(reason) >= 2", name=op.f("ck_recusal_decisions_reason_given")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_recusal_decisions_decided_by")),
        sa.ForeignKeyConstraint(["recusal_id"], ["recusals.id"], name=op.f("fk_recusal_decisions_recusal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recusal_decisions")),
        sa.UniqueConstraint("recusal_id", "number", name=op.f("uq_recusal_decisions_recusal_id_number")),
    )
    op.create_table(
        "recusal_notices",
        sa.Column("recusal_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'provisional', 'in_force', 'rejected', 'lifted')",
            name=op.f("ck_recusal_notices_state_known"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_recusal_notices_person_id")),
        sa.ForeignKeyConstraint(["recusal_id"], ["recusals.id"], name=op.f("fk_recusal_notices_recusal_id")),
        sa.PrimaryKeyConstraint("recusal_id", name=op.f("pk_recusal_notices")),
    )
    op.create_index(op.f("ix_recusal_notices_person_id"), "recusal_notices", ["person_id"], unique=False)
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_recusal_notices_person_id"), table_name="recusal_notices")
    op.drop_table("recusal_notices")
    op.drop_table("recusal_decisions")
    op.drop_index("ix_recusals_region_code", table_name="recusals")
    op.drop_index("ix_recusals_person_id", table_name="recusals")
    op.drop_table("recusals")
    op.drop_table("declarations")
    op.drop_table("commitments")
    op.drop_table("commitment_texts")
    op.execute("DROP FUNCTION gate.own_regions()")
