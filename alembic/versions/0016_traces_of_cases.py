"""The trace of a case is walled by the case; nobody reads of their own recusal in the audit who started it (Art. 11).

Revision: 0016
Follows: 0015
"""

import sqlalchemy as sa
from alembic import op

from app.models.ddl import APP, not_walled

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ME = "(SELECT gate.principal())"
# Beside the wall of 0005, which knows no cases. One's own acts are one's own to read.
CASE = not_walled("case", "case_id", nullable=True)
# What a person is told of a recusal of theirs stands in their notices, and no more than that.
OWN_RECUSAL = (
    "(resource_kind IS DISTINCT FROM 'recusal' OR NOT EXISTS (SELECT FROM recusal_notices AS told "
    f"WHERE told.recusal_id = audit_entries.resource_id AND told.person_id = {ME}))"
)


def upgrade() -> None:
    for table in ("audit_entries", "outbox_events", "jobs"):
        op.add_column(table, sa.Column("case_id", sa.Uuid(), nullable=True))
    op.execute(
        f"CREATE POLICY wall_select_case ON audit_entries AS RESTRICTIVE FOR SELECT TO {APP} "
        f"USING (actor_id = {ME} OR ({CASE} AND {OWN_RECUSAL}))"
    )


def downgrade() -> None:
    op.execute("DROP POLICY wall_select_case ON audit_entries")
    for table in ("audit_entries", "outbox_events", "jobs"):
        op.drop_column(table, "case_id")
