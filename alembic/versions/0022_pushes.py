"""Pushes: runs by clients and by a region's officers, bodies that are kept, large runs, proposals on members (Art. 3).

Revision: 0022
Follows: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import APP, ENGINE, holds, not_walled, protect, walls_on, within

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

OWN_RUN = "principal_id = (SELECT gate.principal())"
HANDLER = "(SELECT gate.handles())"
OFFICE = holds("league_office")
STAFF = within("region_code", "regions")
SOURCE = f"source_system = (SELECT gate.source()) AND {within('region_code', 'client_regions')}"
APPLICANT = f"({STAFF} OR {within('region_code', 'client_regions')})"
THROUGH_PROJECT = "EXISTS (SELECT FROM projects AS parent WHERE parent.id = project_proposals.project_id)"
UNWALLED = " AND ".join(
    [
        not_walled("region", "region_code"),
        not_walled("project", "project_id"),
        not_walled("organisation", "organisation_id", nullable=True),
    ]
)


def of_run(table: str, clause: str) -> str:
    return f"EXISTS (SELECT FROM import_runs AS run WHERE run.id = {table}.run_id AND {clause})"


# A run is the pusher's own; a receipt that stands is nobody's to change.
MINE = f"(SELECT gate.kind()) IN ('client', 'person') AND {OWN_RUN}"
RUN_POLICIES = [
    f"ALTER POLICY app_select ON import_runs USING (({MINE}) OR {HANDLER})",
    f"ALTER POLICY app_insert ON import_runs WITH CHECK ({MINE})",
    f"ALTER POLICY app_select ON import_rows USING (({MINE}) OR {HANDLER})",
    f"ALTER POLICY app_insert ON import_rows WITH CHECK ({MINE})",
    f"GRANT UPDATE ON import_runs TO {APP}",
    f"CREATE POLICY app_update ON import_runs FOR UPDATE TO {APP} USING (({MINE}) AND state = 'queued') "
    f"WITH CHECK ({MINE})",
]
OLD_PUSHER = "(SELECT gate.kind()) = 'client' AND principal_id = (SELECT gate.principal())"
POLICIES = [
    *protect(
        "import_bodies",
        select=of_run("import_bodies", f"({MINE}) OR {HANDLER}"),
        insert=of_run("import_bodies", MINE),
    ),
    *protect(
        "import_progress",
        select=of_run("import_progress", f"({MINE}) OR {HANDLER}"),
        insert=of_run("import_progress", MINE),
        update=of_run("import_progress", MINE),
    ),
    # Proposals are dossier: seen where the project is, by the source that made them and by staff and handlers. The
    # office's act on one is an act on the project: who is recused from it does not decide.
    *protect(
        "project_proposals",
        select=THROUGH_PROJECT,
        insert=f"({STAFF} OR ({SOURCE})) AND {THROUGH_PROJECT}",
        update=f"({STAFF} OR ({SOURCE}) OR {OFFICE}) AND {THROUGH_PROJECT}",
        walls=walls_on(("insert", "update"), f"{APPLICANT} OR ({UNWALLED})"),
    ),
]
# Time-ordered ids (RFC 9562, version 7) where a statement makes the rows itself. Without a search path of its own,
# and with every name in full, it is unfolded where it is called.
DOSSIER_ID = """CREATE FUNCTION gate.dossier_id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
    SELECT pg_catalog.encode(pg_catalog.set_bit(pg_catalog.set_bit(pg_catalog.overlay(
        pg_catalog.uuid_send(pg_catalog.gen_random_uuid()),
        pg_catalog.substring(pg_catalog.int8send(pg_catalog.floor(extract(epoch FROM at) * 1000)::bigint), 3), 1, 6),
        52, 1), 53, 1), 'hex')::uuid
$$"""


def upgrade() -> None:
    op.execute(DOSSIER_ID)
    op.execute("REVOKE ALL ON FUNCTION gate.dossier_id(timestamptz) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION gate.dossier_id(timestamptz) TO {APP}, {ENGINE}")
    _runs()
    op.create_table(
        "import_bodies",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["import_runs.id"], name=op.f("fk_import_bodies_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_import_bodies")),
    )
    op.create_table(
        "import_progress",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("cancel_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["import_runs.id"], name=op.f("fk_import_progress_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_import_progress")),
    )
    op.create_table(
        "project_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("source_system", sa.Text(), nullable=False),
        sa.Column("import_run_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'accepted', 'declined', 'superseded', 'withdrawn')",
            name=op.f("ck_project_proposals_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "region_code"],
            ["projects.id", "projects.region_code"],
            name=op.f("fk_project_proposals_project_id_region_code"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_proposals")),
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "uq_project_proposals_pending",
        "project_proposals",
        ["project_id", "source_system"],
        unique=True,
        postgresql_where=pending,
    )
    op.create_index(
        "ix_project_proposals_created_at", "project_proposals", ["created_at", "id"], postgresql_where=pending
    )
    op.create_index("ix_project_proposals_import_run_id", "project_proposals", ["import_run_id"])
    op.add_column("project_decisions", sa.Column("proposal_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_project_decisions_proposal_id"), "project_decisions", "project_proposals", ["proposal_id"], ["id"]
    )
    _decisions(
        "outcome IN ('admitted', 'declined', 'removed', 'change_accepted', 'change_declined')",
        "outcome IN ('admitted', 'change_accepted') OR reason IS NOT NULL",
    )
    op.create_check_constraint(
        op.f("ck_project_decisions_of_what"),
        "project_decisions",
        "(outcome IN ('change_accepted', 'change_declined')) = (proposal_id IS NOT NULL)",
    )
    for statement in [*RUN_POLICIES, *POLICIES]:
        op.execute(statement)


def _runs() -> None:
    # The constraints on the run go first: they name columns that change.
    op.drop_constraint(op.f("fk_import_runs_client_id"), "import_runs", type_="foreignkey")
    op.drop_constraint(op.f("uq_import_runs_id_client_id"), "import_runs", type_="unique")
    op.alter_column("import_runs", "client_id", new_column_name="principal_id")
    op.alter_column("import_rows", "client_id", new_column_name="principal_id")
    op.create_foreign_key(op.f("fk_import_runs_principal_id"), "import_runs", "principals", ["principal_id"], ["id"])
    op.create_unique_constraint(op.f("uq_import_runs_id_principal_id"), "import_runs", ["id", "principal_id"])
    for column, value in (
        (sa.Column("principal_kind", sa.Text(), nullable=False), "'client'"),
        (sa.Column("regions", postgresql.ARRAY(sa.Text()), nullable=False), "'{}'"),
        (sa.Column("state", sa.Text(), nullable=False), "'finished'"),
        (sa.Column("proposed", sa.Integer(), nullable=False), "0"),
    ):
        column.server_default = sa.DefaultClause(sa.text(value))
        op.add_column("import_runs", column)
        op.alter_column("import_runs", column.name, server_default=None)
    op.add_column("import_runs", sa.Column("body_of", sa.Uuid(), nullable=True))
    op.add_column("import_runs", sa.Column("retry_of", sa.Uuid(), nullable=True))
    op.add_column("import_runs", sa.Column("failure", sa.Text(), nullable=True))
    op.add_column("import_rows", sa.Column("source_index", sa.Integer(), nullable=True))
    # Receipts of before: their bodies were not kept. Forced policies hold for the owner, too.
    op.execute("UPDATE import_runs SET body_of = id")
    op.execute('UPDATE import_rows SET source_index = "index"')
    op.alter_column("import_runs", "body_of", nullable=False)
    op.alter_column("import_rows", "source_index", nullable=False)
    op.alter_column("import_runs", "outcome", nullable=True)
    op.alter_column("import_runs", "finished_at", nullable=True)
    op.create_check_constraint(
        op.f("ck_import_runs_state_known"), "import_runs", "state IN ('queued', 'finished', 'cancelled', 'failed')"
    )
    op.create_check_constraint(
        op.f("ck_import_runs_outcome_when_finished"), "import_runs", "(state = 'finished') = (outcome IS NOT NULL)"
    )
    op.create_check_constraint(
        op.f("ck_import_runs_counters_add_up"),
        "import_runs",
        "state <> 'finished' OR total = created + updated + proposed + unchanged + rejected + not_applied",
    )
    op.drop_constraint(op.f("ck_import_rows_action_known"), "import_rows", type_="check")
    op.create_check_constraint(
        op.f("ck_import_rows_action_known"),
        "import_rows",
        "action IN ('created', 'updated', 'proposed', 'unchanged', 'rejected', 'not_applied')",
    )
    op.create_index("ix_import_runs_principal_id", "import_runs", ["principal_id", "started_at", "id"])
    op.create_index(
        "ix_import_runs_queued", "import_runs", ["started_at"], postgresql_where=sa.text("state = 'queued'")
    )


def _decisions(outcomes: str, reasons: str) -> None:
    for name, condition in (("outcome_known", outcomes), ("reason_given", reasons)):
        op.drop_constraint(op.f(f"ck_project_decisions_{name}"), "project_decisions", type_="check")
        op.create_check_constraint(op.f(f"ck_project_decisions_{name}"), "project_decisions", condition)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_project_decisions_of_what"), "project_decisions", type_="check")
    op.execute("DELETE FROM project_decisions WHERE proposal_id IS NOT NULL")
    op.execute(
        "DELETE FROM import_rows AS r USING import_runs AS i WHERE r.run_id = i.id AND "
        "(i.principal_kind = 'person' OR i.state <> 'finished' OR i.proposed > 0)"
    )
    op.execute("DELETE FROM import_bodies")
    op.execute("DELETE FROM import_progress")
    op.execute("DELETE FROM import_runs WHERE principal_kind = 'person' OR state <> 'finished' OR proposed > 0")
    _decisions("outcome IN ('admitted', 'declined', 'removed')", "outcome = 'admitted' OR reason IS NOT NULL")
    op.drop_constraint(op.f("fk_project_decisions_proposal_id"), "project_decisions", type_="foreignkey")
    op.drop_column("project_decisions", "proposal_id")
    op.drop_table("project_proposals")
    op.drop_table("import_progress")
    op.drop_table("import_bodies")
    op.execute("DROP POLICY app_update ON import_runs")
    op.execute(f"REVOKE UPDATE ON import_runs FROM {APP}")
    op.drop_index("ix_import_runs_queued", "import_runs")
    op.drop_index("ix_import_runs_principal_id", "import_runs")
    op.drop_constraint(op.f("ck_import_rows_action_known"), "import_rows", type_="check")
    op.create_check_constraint(
        op.f("ck_import_rows_action_known"),
        "import_rows",
        "action IN ('created', 'updated', 'unchanged', 'rejected', 'not_applied')",
    )
    for name in ("counters_add_up", "outcome_when_finished", "state_known"):
        op.drop_constraint(op.f(f"ck_import_runs_{name}"), "import_runs", type_="check")
    op.alter_column("import_runs", "outcome", nullable=False)
    op.alter_column("import_runs", "finished_at", nullable=False)
    for table in ("import_runs", "import_rows"):
        op.execute(f"ALTER POLICY app_select ON {table} USING (({OLD_PUSHER}) OR {HANDLER})")
        op.execute(f"ALTER POLICY app_insert ON {table} WITH CHECK ({OLD_PUSHER})")
    op.drop_column("import_rows", "source_index")
    for name in ("failure", "retry_of", "body_of", "proposed", "state", "regions", "principal_kind"):
        op.drop_column("import_runs", name)
    op.drop_constraint(op.f("uq_import_runs_id_principal_id"), "import_runs", type_="unique")
    op.drop_constraint(op.f("fk_import_runs_principal_id"), "import_runs", type_="foreignkey")
    op.alter_column("import_rows", "principal_id", new_column_name="client_id")
    op.alter_column("import_runs", "principal_id", new_column_name="client_id")
    op.create_foreign_key(op.f("fk_import_runs_client_id"), "import_runs", "clients", ["client_id"], ["id"])
    op.create_unique_constraint(op.f("uq_import_runs_id_client_id"), "import_runs", ["id", "client_id"])
    op.execute("DROP FUNCTION gate.dossier_id(timestamptz)")
