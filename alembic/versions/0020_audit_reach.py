"""Who is walled from a region reads no trace of a recusal that reaches it either (Art. 11).

A recusal from an investor or a project is hidden from whoever is recused from the region whose library holds it
(`wall_reach`); its audit entries name the investor or the project alone, and were shown.

Revision: 0020
Follows: 0016
"""

from alembic import op

from app.models.ddl import APP

revision = "0020"
down_revision = "0016"
branch_labels = None
depends_on = None

MINE = "actor_id = (SELECT gate.principal())"
CLEAR = "gate.clear_of(region_code, organisation_id, project_id, case_id, '{}')"


def upgrade() -> None:
    op.execute(
        f"CREATE POLICY wall_select_reach ON audit_entries AS RESTRICTIVE FOR SELECT TO {APP} "
        f"USING (resource_kind IS DISTINCT FROM 'recusal' OR {MINE} OR {CLEAR})"
    )


def downgrade() -> None:
    op.execute("DROP POLICY wall_select_reach ON audit_entries")
