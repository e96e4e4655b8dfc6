"""One seed for all draws of a cycle or a round, committed to by two before either is opened (Art. 9, 13).

Revision: 0018
Follows: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import APP, engine_function, protect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

HANDLER = "(SELECT gate.handles())"
ANYBODY = "(SELECT gate.kind()) IS NOT NULL"

# Commitments are the handlers' to see, also of who is recused: they are about no region and tell of none. No right at
# all on the shares and the list for `app`: they are written through the functions below, and read by the worker.
POLICIES = [
    *protect("draw_seeds", select=HANDLER),
    *protect("draw_secrets"),
    *protect("draw_records", select=ANYBODY),
]

# Whose share it is, by the grant of the caller. `taken`, or what is in the way.
PARTY = """
    IF gate.kind() IS DISTINCT FROM 'person' OR party IS NULL OR party NOT IN ('office', 'committee')
        OR NOT gate.has_role(ARRAY['league_' || party]) THEN
        RAISE EXCEPTION 'not entitled to a share of this party' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (SELECT FROM evaluation_cycles AS c
                   WHERE about = 'evaluation_cycle' AND c.id = occasion AND c.phase <> 'published')
        AND NOT EXISTS (SELECT FROM case_rounds AS r
                        WHERE about = 'case_round' AND r.id = occasion AND r.phase <> 'published') THEN
        RETURN 'wrong_state';
    END IF;
"""

# With the second commitment the list is frozen: who is in the pool now, by salted pseudonyms, before anybody could know
# the seed. Until a share is opened a commitment may be made again (a share was lost), and the list with it.
COMMIT = f"""
DECLARE
    held draw_seeds%ROWTYPE;
    pool uuid[];
BEGIN
    {PARTY}
    INSERT INTO draw_seeds (occasion_id, kind, version, created_at, updated_at)
    VALUES (occasion, about, 0, at, at) ON CONFLICT DO NOTHING;
    SELECT * INTO held FROM draw_seeds AS s WHERE s.occasion_id = occasion FOR UPDATE;
    IF held.kind <> about OR held.office_opened_at IS NOT NULL OR held.committee_opened_at IS NOT NULL THEN
        RETURN 'wrong_state';
    END IF;
    IF gate.principal() = (CASE party WHEN 'office' THEN held.committee_committed_by
                                      ELSE held.office_committed_by END) THEN
        RETURN 'same_person';
    END IF;
    IF party = 'office' THEN
        held.office_commitment := committed;
        held.office_committed_by := gate.principal();
        held.office_committed_at := at;
    ELSE
        held.committee_commitment := committed;
        held.committee_committed_by := gate.principal();
        held.committee_committed_at := at;
    END IF;
    IF held.office_commitment IS NOT NULL AND held.committee_commitment IS NOT NULL THEN
        pool := ARRAY(SELECT x.person_id FROM experts AS x
                      WHERE x.active AND (x.term_ends_on IS NULL OR x.term_ends_on >= on_day) ORDER BY 1);
        INSERT INTO draw_secrets (occasion_id, salt, people) VALUES (occasion, salted, pool)
        ON CONFLICT (occasion_id) DO UPDATE SET salt = excluded.salt, people = excluded.people;
        -- The canonical JSON of the sorted pseudonyms.
        held.candidates_sha256 := (
            SELECT encode(sha256(convert_to('[' || coalesce(string_agg('"' || p || '"', ',' ORDER BY p COLLATE "C"), '')
                                            || ']', 'UTF8')), 'hex')
            FROM (SELECT encode(sha256(convert_to(salted || ':' || person, 'UTF8')), 'hex') AS p
                  FROM unnest(pool) AS person) AS listed);
        held.frozen_at := at;
    END IF;
    UPDATE draw_seeds AS s
    SET office_commitment = held.office_commitment, office_committed_by = held.office_committed_by,
        office_committed_at = held.office_committed_at, committee_commitment = held.committee_commitment,
        committee_committed_by = held.committee_committed_by, committee_committed_at = held.committee_committed_at,
        candidates_sha256 = held.candidates_sha256, frozen_at = held.frozen_at,
        version = s.version + 1, updated_at = at
    WHERE s.occasion_id = occasion;
    RETURN 'taken';
END
"""

OPEN = f"""
DECLARE held draw_seeds%ROWTYPE;
BEGIN
    {PARTY}
    SELECT * INTO held FROM draw_seeds AS s WHERE s.occasion_id = occasion AND s.kind = about FOR UPDATE;
    IF held.frozen_at IS NULL OR (CASE party WHEN 'office' THEN held.office_opened_at
                                             ELSE held.committee_opened_at END) IS NOT NULL THEN
        RETURN 'wrong_state';
    END IF;
    IF gate.principal() IN (
            CASE party WHEN 'office' THEN held.committee_committed_by ELSE held.office_committed_by END,
            coalesce(CASE party WHEN 'office' THEN held.committee_opened_by ELSE held.office_opened_by END,
                     '00000000-0000-0000-0000-000000000000')) THEN
        RETURN 'same_person';
    END IF;
    IF encode(sha256(convert_to(opened, 'UTF8')), 'hex') IS DISTINCT FROM
            (CASE party WHEN 'office' THEN held.office_commitment ELSE held.committee_commitment END) THEN
        RETURN 'wrong_share';
    END IF;
    IF party = 'office' THEN
        UPDATE draw_secrets AS x SET office_share = opened WHERE x.occasion_id = occasion;
        UPDATE draw_seeds AS s
        SET office_opened_by = gate.principal(), office_opened_at = at, version = s.version + 1, updated_at = at
        WHERE s.occasion_id = occasion;
    ELSE
        UPDATE draw_secrets AS x SET committee_share = opened WHERE x.occasion_id = occasion;
        UPDATE draw_seeds AS s
        SET committee_opened_by = gate.principal(), committee_opened_at = at, version = s.version + 1, updated_at = at
        WHERE s.occasion_id = occasion;
    END IF;
    RETURN 'taken';
END
"""

FUNCTIONS = (
    (
        "commit_share(about text, occasion uuid, party text, committed text, salted text, at timestamptz, on_day date)"
        " RETURNS text",
        COMMIT,
    ),
    ("open_share(about text, occasion uuid, party text, opened text, at timestamptz) RETURNS text", OPEN),
)


def upgrade() -> None:
    op.create_table(
        "draw_seeds",
        sa.Column("occasion_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("office_commitment", sa.Text(), nullable=True),
        sa.Column("office_committed_by", sa.Uuid(), nullable=True),
        sa.Column("office_committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("office_opened_by", sa.Uuid(), nullable=True),
        sa.Column("office_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("committee_commitment", sa.Text(), nullable=True),
        sa.Column("committee_committed_by", sa.Uuid(), nullable=True),
        sa.Column("committee_committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("committee_opened_by", sa.Uuid(), nullable=True),
        sa.Column("committee_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("candidates_sha256", sa.Text(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('evaluation_cycle', 'case_round')", name=op.f("ck_draw_seeds_kind_known")),
        sa.PrimaryKeyConstraint("occasion_id", name=op.f("pk_draw_seeds")),
    )
    op.create_table(
        "draw_secrets",
        sa.Column("occasion_id", sa.Uuid(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("people", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("office_share", sa.Text(), nullable=True),
        sa.Column("committee_share", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("occasion_id", name=op.f("pk_draw_secrets")),
    )
    op.create_table(
        "draw_records",
        sa.Column("occasion_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('evaluation_cycle', 'case_round')", name=op.f("ck_draw_records_kind_known")),
        sa.PrimaryKeyConstraint("occasion_id", name=op.f("pk_draw_records")),
    )
    # A panel without its cycle or round would fail here, and nothing be lost.
    op.add_column("panels", sa.Column("occasion_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE panels SET occasion_id = coalesce((SELECT e.cycle_id FROM evaluations AS e WHERE e.id = subject_id), "
        "(SELECT c.round_id FROM cases AS c WHERE c.id = subject_id))"
    )
    op.alter_column("panels", "occasion_id", nullable=False)
    for column in (
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("drawn", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("seated", sa.Integer(), nullable=True),
    ):
        op.add_column("draws", column)
    # Draws until now each had a seed of their own, which stays with them; how many sat then is in the assignments.
    op.execute(
        "UPDATE draws SET drawn = '[]', seated = 0, number = (SELECT count(*) FROM draws AS d "
        "WHERE d.panel_id = draws.panel_id AND (d.drawn_at, d.id) <= (draws.drawn_at, draws.id))"
    )
    for name in ("number", "drawn", "seated"):
        op.alter_column("draws", name, nullable=False)
    op.alter_column("draws", "seed", nullable=True)
    op.create_unique_constraint(op.f("uq_draws_panel_id_number"), "draws", ["panel_id", "number"])
    for statement in POLICIES:
        op.execute(statement)
    for signature, body in FUNCTIONS:
        for statement in engine_function(signature, body, callers=(APP,)):
            op.execute(statement)


def downgrade() -> None:
    for signature, _ in FUNCTIONS:
        op.execute(f"DROP FUNCTION gate.{signature.split('(', maxsplit=1)[0]}")
    op.drop_constraint(op.f("uq_draws_panel_id_number"), "draws")
    # What was drawn by a cycle's seed had none of its own.
    op.execute("UPDATE draws SET seed = '' WHERE seed IS NULL")
    op.alter_column("draws", "seed", nullable=False)
    for name in ("seated", "drawn", "number"):
        op.drop_column("draws", name)
    op.drop_column("panels", "occasion_id")
    op.drop_table("draw_records")
    op.drop_table("draw_secrets")
    op.drop_table("draw_seeds")
