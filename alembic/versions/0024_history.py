"""Earlier years, entered later (补录): indicator values, plans, results, each with its source document.

Revision: 0024
Follows: 0023
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import holds, not_walled, protect, walls_on, within

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STAFF = within("region_code", "regions")
COVERED = within("region_code", "client_regions")
SOURCE = f"source_system = (SELECT gate.source()) AND {COVERED}"
MINE = "entered_by = (SELECT gate.principal())"
FILED = "(SELECT gate.sees_filed())"
DOSSIERS = ("indicator_values", "earlier_plans")

POLICIES = [
    # Nobody changes or deletes an entry: a correction is a further edition.
    *(
        statement
        for table in DOSSIERS
        for statement in protect(
            table, select=f"{STAFF} OR {COVERED} OR {FILED}", insert=f"{MINE} AND ({STAFF} OR ({SOURCE}))"
        )
    ),
    # What was published elsewhere, everybody reads. To enter it is to handle the region: not by who is recused from it.
    *protect(
        "earlier_results",
        select="(SELECT gate.kind()) IN ('person', 'client')",
        insert=f"{MINE} AND {holds('league_office')} AND NOT {STAFF}",
        walls=walls_on(("insert",), not_walled("region", "region_code")),
    ),
]


def upgrade() -> None:
    _table(
        "indicator_values",
        sa.Column("indicator_code", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(16, 2), nullable=False),
        sa.ForeignKeyConstraint(
            ["indicator_code"], ["indicators.code"], name=op.f("fk_indicator_values_indicator_code")
        ),
        by=("indicator_code",),
    )
    _table(
        "earlier_plans",
        sa.Column("filing_number", sa.Text(), nullable=True),
        sa.Column("overview", sa.Text(), nullable=True),
        sa.Column("targets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    )
    _table("earlier_results", sa.Column("grade", sa.Text(), nullable=False))
    op.add_column("import_rows", sa.Column("entry_id", sa.Uuid(), nullable=True))
    for statement in POLICIES:
        op.execute(statement)


def _table(name: str, *own: sa.schema.SchemaItem, by: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("source_system", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("source_title", sa.Text(), nullable=False),
        sa.Column("source_number", sa.Text(), nullable=True),
        sa.Column("source_date", sa.Date(), nullable=False),
        sa.Column("import_run_id", sa.Uuid(), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        *own,
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f(f"ck_{name}_year_range")),
        sa.CheckConstraint("edition >= 1", name=op.f(f"ck_{name}_edition_from_one")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f(f"fk_{name}_region_code")),
        sa.ForeignKeyConstraint(["import_run_id"], ["import_runs.id"], name=op.f(f"fk_{name}_import_run_id")),
        sa.ForeignKeyConstraint(["entered_by"], ["principals.id"], name=op.f(f"fk_{name}_entered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("region_code", "year", *by, "source_system", "edition", name=f"uq_{name}_edition"),
    )
    op.create_index(f"ix_{name}_import_run_id", name, ["import_run_id"])


def downgrade() -> None:
    # Their receipts go with them: no earlier version knows what they speak of.
    kinds = "('indicator_values', 'earlier_plans', 'earlier_results')"
    for name in ("earlier_results", "earlier_plans", "indicator_values"):
        op.drop_table(name)
    of_history = f"run_id IN (SELECT id FROM import_runs WHERE kind IN {kinds})"
    op.execute(f"DELETE FROM import_rows WHERE {of_history}")
    op.execute(f"DELETE FROM import_bodies WHERE {of_history}")
    op.execute(f"DELETE FROM import_runs WHERE kind IN {kinds}")
    op.drop_column("import_rows", "entry_id")
