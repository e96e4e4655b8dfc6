"""The evaluation of the previous year (Art. 8-10).

Revision: 0012
Follows: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import Wall, holds, not_walled, protect, walls_on, within

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


OWN = within("region_code", "regions")
FILED = "(SELECT gate.sees_filed())"
HANDLER = "(SELECT gate.handles())"
OFFICE = holds("league_office")
PERSON = "(SELECT gate.kind()) = 'person'"
WALLED = not_walled("region", "region_code")
ANYBODY = "(SELECT gate.kind()) IS NOT NULL"
OTHERS = "region_code NOT IN (SELECT unnest(gate.own_regions()))"
JUDGED = f"{PERSON} AND {OTHERS} AND {WALLED}"
EVERY = ("select", "insert", "update", "delete")

POLICIES = [
    *protect("evaluation_schemes", select=ANYBODY, insert=OFFICE),
    *protect("evaluation_cycles", select=ANYBODY, insert=OFFICE, update=OFFICE),
    *protect(
        "evaluations",
        select=f"{OWN} OR (latest_version IS NOT NULL AND {FILED})",
        insert=OWN,
        update=f"{OWN} OR {OFFICE}",
        walls=walls_on(("insert", "update"), f"{OWN} OR {WALLED}"),
    ),
    *protect("evaluation_items", select=OWN, insert=OWN, update=OWN),
    *protect("evaluation_versions", select=f"{OWN} OR {FILED}", insert=OWN),
    *protect(
        "evaluation_decisions",
        select=f"{OWN} OR {HANDLER}",
        insert=OFFICE,
        walls=[Wall("insert", WALLED)],
    ),
    # Judgement: never the region's, not even where its staff sit in the office, too; results are computed by the
    # worker alone.
    *protect(
        "appraisal_files",
        select=HANDLER,
        insert=OFFICE,
        update=HANDLER,
        walls=walls_on(EVERY, JUDGED),
    ),
    *protect("result_versions", select=HANDLER, walls=walls_on(EVERY, JUDGED)),
    # Written with a publication, so the region's own staff may read it; who is walled gets none of it.
    *protect("disclosed_explanations", select=f"{OWN} OR {HANDLER}", walls=walls_on(EVERY, f"{PERSON} AND {WALLED}")),
]


def upgrade() -> None:
    op.create_table(
        "evaluation_schemes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_schemes")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_evaluation_schemes_code_version")),
    )
    op.create_table(
        "evaluation_cycles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_year", sa.Integer(), nullable=False),
        sa.Column("submission_year", sa.Integer(), nullable=False),
        sa.Column("scheme_id", sa.Uuid(), nullable=False),
        sa.Column("scheme_sha256", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "phase IN ('open', 'reviewing', 'closed', 'published')", name=op.f("ck_evaluation_cycles_phase_known")
        ),
        sa.CheckConstraint("assessment_year = submission_year - 1", name=op.f("ck_evaluation_cycles_previous_year")),
        sa.ForeignKeyConstraint(["scheme_id"], ["evaluation_schemes.id"], name=op.f("fk_evaluation_cycles_scheme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_cycles")),
        sa.UniqueConstraint("assessment_year", name=op.f("uq_evaluation_cycles_assessment_year")),
    )
    op.create_table(
        "appraisal_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("blocked_quorum", sa.Boolean(), nullable=False),
        sa.Column("under_correction", sa.Boolean(), nullable=False),
        sa.Column("appraisal_score", sa.Numeric(precision=9, scale=4), nullable=True),
        sa.Column("appraisal_reason", sa.Text(), nullable=True),
        sa.Column("appraisal_salt", sa.Uuid(), nullable=True),
        sa.Column("appraised_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("latest_result", sa.Integer(), nullable=True),
        sa.Column("voided", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('under_review', 'appraised', 'graded', 'approved', 'published')",
            name=op.f("ck_appraisal_files_state_known"),
        ),
        sa.ForeignKeyConstraint(["appraised_by"], ["people.id"], name=op.f("fk_appraisal_files_appraised_by")),
        sa.ForeignKeyConstraint(["approved_by"], ["people.id"], name=op.f("fk_appraisal_files_approved_by")),
        sa.ForeignKeyConstraint(["cycle_id"], ["evaluation_cycles.id"], name=op.f("fk_appraisal_files_cycle_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appraisal_files")),
        sa.UniqueConstraint("evaluation_id", name=op.f("uq_appraisal_files_evaluation_id")),
        sa.UniqueConstraint("id", "region_code", name=op.f("uq_appraisal_files_id_region_code")),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("assessment_year", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_back_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'awaiting_signature', 'submitted', 'accepted', 'returned')",
            name=op.f("ck_evaluations_state_known"),
        ),
        sa.ForeignKeyConstraint(["cycle_id"], ["evaluation_cycles.id"], name=op.f("fk_evaluations_cycle_id")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_evaluations_region_code")),
        sa.ForeignKeyConstraint(["submitted_by"], ["people.id"], name=op.f("fk_evaluations_submitted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
        sa.UniqueConstraint("cycle_id", "region_code", name=op.f("uq_evaluations_cycle_id_region_code")),
        sa.UniqueConstraint("id", "region_code", name=op.f("uq_evaluations_id_region_code")),
    )
    op.create_index("ix_evaluations_updated_at", "evaluations", ["updated_at", "id"], unique=False)
    op.create_table(
        "evaluation_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("remarks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('accepted', 'returned')", name=op.f("ck_evaluation_decisions_outcome_known")),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_evaluation_decisions_decided_by")),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "region_code"],
            ["evaluations.id", "evaluations.region_code"],
            name=op.f("fk_evaluation_decisions_evaluation_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_decisions")),
        sa.UniqueConstraint(
            "evaluation_id", "version_number", name=op.f("uq_evaluation_decisions_evaluation_id_version_number")
        ),
    )
    op.create_table(
        "evaluation_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("criterion_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("prefilled", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reported_value", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "region_code"],
            ["evaluations.id", "evaluations.region_code"],
            name=op.f("fk_evaluation_items_evaluation_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_items")),
        sa.UniqueConstraint(
            "evaluation_id", "criterion_code", name=op.f("uq_evaluation_items_evaluation_id_criterion_code")
        ),
    )
    op.create_table(
        "evaluation_versions",
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("signed_by", sa.Uuid(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "region_code"],
            ["evaluations.id", "evaluations.region_code"],
            name=op.f("fk_evaluation_versions_evaluation_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["signed_by"], ["people.id"], name=op.f("fk_evaluation_versions_signed_by")),
        sa.ForeignKeyConstraint(["submitted_by"], ["people.id"], name=op.f("fk_evaluation_versions_submitted_by")),
        sa.PrimaryKeyConstraint("evaluation_id", "number", name=op.f("pk_evaluation_versions")),
    )
    op.create_table(
        "result_versions",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(precision=9, scale=4), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("explanation", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("explanation_sha256", sa.Text(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id", "region_code"],
            ["appraisal_files.id", "appraisal_files.region_code"],
            name=op.f("fk_result_versions_file_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("file_id", "number", name=op.f("pk_result_versions")),
    )
    op.create_table(
        "disclosed_explanations",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("publication_number", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id", "region_code"],
            ["appraisal_files.id", "appraisal_files.region_code"],
            name=op.f("fk_disclosed_explanations_file_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("file_id", "publication_number", name=op.f("pk_disclosed_explanations")),
    )
    op.create_index("ix_disclosed_explanations_evaluation_id", "disclosed_explanations", ["evaluation_id"])
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("disclosed_explanations")
    op.drop_table("result_versions")
    op.drop_table("evaluation_versions")
    op.drop_table("evaluation_items")
    op.drop_table("evaluation_decisions")
    op.drop_index("ix_evaluations_updated_at", table_name="evaluations")
    op.drop_table("evaluations")
    op.drop_table("appraisal_files")
    op.drop_table("evaluation_cycles")
    op.drop_table("evaluation_schemes")
