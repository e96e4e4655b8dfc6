"""What the worker finds and settles over all rows, set by set: pairs, owned members, proposals of owners.

None of it is told to a client: no event, no word in a receipt, and no step of it runs in a push.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import record_set
from app.core.db import clock_of
from app.projects.bulk.columns import FUNDING_LINES, public

_LOCK_KEY = 7_204_811_023
_TYPES: dict[str, Any] = {"ids": ARRAY(Uuid), "run": Uuid(), "now": DateTime(timezone=True)}


def _statement(sql: str, *names: str) -> Any:
    return text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in names))


# Width, case, spaces and quotation marks do not tell names apart (as `imports.rules.folded`).
_QUOTES = "[\\s\"''“”‘’„‟‚‛「」『』«»〝〞〟`´]"
_FOLDED = f"lower(regexp_replace(normalize(name, NFKC), '{_QUOTES}', '', 'g'))"

_CHANGED_IN_RUN = _statement(
    """SELECT DISTINCT project_id FROM import_rows
    WHERE run_id = :run AND action IN ('created', 'updated', 'proposed') AND project_id IS NOT NULL""",
    "run",
)

# Evidence counts for the project that is kept, whichever of its versions bears it. A draft is its region's alone.
_OPEN = """CREATE TEMPORARY TABLE IF NOT EXISTS touched_projects (id uuid PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS found_pairs (
    id uuid, other uuid, basis text, PRIMARY KEY (id, other)) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS changed_matches (id uuid PRIMARY KEY) ON COMMIT DELETE ROWS"""
_TOUCH = _statement(
    """INSERT INTO touched_projects
    SELECT DISTINCT v.id FROM projects AS p
    JOIN projects AS v ON v.id = coalesce(p.same_as, p.id) OR v.same_as = coalesce(p.same_as, p.id)
    WHERE p.id = ANY (:ids)""",
    "ids",
)
_PAIR = text(
    f"""WITH mine AS MATERIALIZED (
        SELECT p.id, coalesce(p.same_as, p.id) AS root, p.source_system, p.national_code, p.region_code,
            p.organisation_id, {_FOLDED} AS folded
        FROM projects AS p JOIN touched_projects AS t ON t.id = p.id WHERE p.membership <> 'draft'),
    theirs AS MATERIALIZED (
        SELECT p.id, coalesce(p.same_as, p.id) AS root, p.source_system, p.region_code, p.organisation_id,
            {_FOLDED} AS folded
        FROM projects AS p WHERE p.membership <> 'draft' AND p.organisation_id IN (SELECT organisation_id FROM mine)),
    found AS (
        SELECT m.root, o.root AS other, 'name' AS basis FROM mine AS m JOIN theirs AS o
            ON o.organisation_id = m.organisation_id AND o.region_code = m.region_code AND o.folded = m.folded
        WHERE o.source_system IS DISTINCT FROM m.source_system AND o.root <> m.root
        UNION
        SELECT m.root, coalesce(o.same_as, o.id), 'national_code' FROM mine AS m
        JOIN projects AS o ON o.national_code = m.national_code
        WHERE o.membership <> 'draft' AND o.source_system IS DISTINCT FROM m.source_system
        AND coalesce(o.same_as, o.id) <> m.root)
    INSERT INTO found_pairs
    SELECT least(root, other), greatest(root, other), max(basis COLLATE "C") FILTER (WHERE basis = 'national_code')
    FROM found GROUP BY 1, 2"""  # noqa: S608 - constants
)
# Two that a person told apart by name alone are asked about again where they bear the same national code now.
_FLAG = _statement(
    """WITH flagged AS (
        INSERT INTO project_matches AS m (id, project_id, region_code, other_project_id, other_region_code, basis,
            state, found_at, import_run_id, version, created_at, updated_at)
        SELECT gate.dossier_id(:now), p.id, p.region_code, o.id, o.region_code, coalesce(f.basis, 'name'), 'open', :now,
            :run, 1, :now, :now
        FROM found_pairs AS f JOIN projects AS p ON p.id = f.id JOIN projects AS o ON o.id = f.other
        ORDER BY p.id, o.id
        ON CONFLICT (project_id, other_project_id) DO UPDATE
        SET state = 'open', basis = excluded.basis, found_at = excluded.found_at,
            import_run_id = excluded.import_run_id,
            version = m.version + 1, updated_at = excluded.updated_at
        WHERE m.state = 'withdrawn' OR (m.state = 'open' AND m.basis <> excluded.basis)
        OR (m.state = 'distinct' AND m.basis = 'name' AND excluded.basis = 'national_code')
        RETURNING m.id)
    INSERT INTO changed_matches SELECT id FROM flagged""",
    "now",
    "run",
)
_WITHDRAW = _statement(
    """WITH gone AS (
        UPDATE project_matches AS m SET state = 'withdrawn', version = m.version + 1, updated_at = :now
        WHERE m.state = 'open' AND (m.project_id IN (SELECT id FROM touched_projects)
            OR m.other_project_id IN (SELECT id FROM touched_projects))
        AND NOT EXISTS (SELECT FROM found_pairs AS f WHERE f.id = m.project_id AND f.other = m.other_project_id)
        RETURNING m.id)
    INSERT INTO changed_matches SELECT id FROM gone""",
    "now",
)
_SIDES = """SELECT m.id, m.region_code, p.organisation_id, m.project_id
FROM changed_matches AS c JOIN project_matches AS m ON m.id = c.id JOIN projects AS p ON p.id = m.project_id
UNION ALL SELECT m.id, m.other_region_code, o.organisation_id, m.other_project_id
FROM changed_matches AS c JOIN project_matches AS m ON m.id = c.id JOIN projects AS o ON o.id = m.other_project_id"""

_OWNERS = """owners AS (
    SELECT r.member, r.source_system, r.region_code
    FROM (SELECT rules FROM field_ownerships ORDER BY version DESC LIMIT 1) AS f,
        jsonb_to_recordset(f.rules) AS r(member text, source_system text, region_code text))"""
# The version's source owns the member of the project that is kept: by the region's own rule, else by that for all.
_OWNED = """owned AS (
    SELECT k.id, v.id AS version, v.source_system, w.member
    FROM projects AS k JOIN projects AS v ON v.same_as = k.id
    JOIN owners AS w ON w.source_system = v.source_system AND v.source_system IS DISTINCT FROM k.source_system
    AND (w.region_code = k.region_code OR (w.region_code IS NULL AND NOT EXISTS (
        SELECT FROM owners AS u WHERE u.member = w.member AND u.region_code = k.region_code)))
    WHERE k.id = ANY (:ids))"""
_KEPT = _statement(
    "SELECT DISTINCT coalesce(same_as, id) AS id FROM projects WHERE id = ANY (:ids)",
    "ids",
)
_ALL_KEPT = text(
    """SELECT same_as AS id FROM projects WHERE same_as IS NOT NULL
    UNION SELECT id FROM projects WHERE owned_elsewhere <> '{}'"""
)
_LOCK_KEPT = _statement("SELECT id FROM projects WHERE id = ANY (:ids) ORDER BY id FOR UPDATE", "ids")
_ASSIGN = _statement(
    f"""WITH {_OWNERS}, {_OWNED}
    UPDATE projects AS p SET owned_elsewhere = w.members
    FROM (SELECT k.id, coalesce(array_agg(DISTINCT o.member) FILTER (WHERE o.member IS NOT NULL), '{{}}') AS members
        FROM projects AS k LEFT JOIN owned AS o ON o.id = k.id WHERE k.id = ANY (:ids) GROUP BY k.id) AS w
    WHERE p.id = w.id AND p.owned_elsewhere <> w.members""",  # noqa: S608 - constants
    "ids",
)
_FUNDED = f"""(SELECT p.*, {FUNDING_LINES} AS funding FROM projects AS p
    WHERE p.id IN (SELECT {{column}} FROM owned))"""  # noqa: S608 - constants
# Of several versions of one source the one that was told of last speaks for it.
_WANTED = f"""{_OWNERS}, {_OWNED}, spoken AS (
    SELECT DISTINCT ON (o.id, o.source_system) o.id, o.source_system, o.version
    FROM owned AS o JOIN projects AS v ON v.id = o.version ORDER BY o.id, o.source_system, v.updated_at DESC, v.id),
wanted AS (
    SELECT s.id, s.source_system, s.version, (
        SELECT jsonb_object_agg(a.key, a.value) FROM jsonb_each({public("v")}) AS a
        WHERE a.value IS DISTINCT FROM {public("k")} -> a.key AND EXISTS (
            SELECT FROM owned AS o WHERE o.id = s.id AND o.version = s.version AND o.member = a.key)) AS after
    FROM spoken AS s JOIN {_FUNDED.format(column="id")} AS k ON k.id = s.id
    JOIN {_FUNDED.format(column="version")} AS v ON v.id = s.version)"""  # noqa: S608 - constants
_ENDED = _statement(
    f"""WITH {_WANTED}
    UPDATE project_proposals AS q SET version = q.version + 1, updated_at = :now,
        state = CASE WHEN w.after IS NULL THEN 'withdrawn' ELSE 'superseded' END
    FROM project_proposals AS r JOIN projects AS k ON k.id = r.project_id
    LEFT JOIN wanted AS w ON w.id = r.project_id AND w.source_system = r.source_system
    WHERE q.id = r.id AND r.project_id = ANY (:ids) AND r.state = 'pending'
    AND r.source_system IS DISTINCT FROM k.source_system AND w.after IS DISTINCT FROM r.after""",  # noqa: S608
    "ids",
    "now",
)
# Proposed by who last told of the version: it was that run, and no act of the worker's own.
_PROPOSED = _statement(
    f"""WITH {_WANTED}
    INSERT INTO project_proposals (id, project_id, region_code, organisation_id, source_system, import_run_id,
        proposed_by, proposed_kind, state, after, version, created_at, updated_at)
    SELECT gate.dossier_id(:now), k.id, k.region_code, k.organisation_id, w.source_system, c.import_run_id, c.actor_id,
        c.actor_kind, 'pending', w.after, 1, :now, :now
    FROM wanted AS w JOIN projects AS k ON k.id = w.id CROSS JOIN LATERAL (
        SELECT h.import_run_id, h.actor_id, h.actor_kind FROM project_changes AS h
        WHERE h.project_id = w.version AND h.import_run_id IS NOT NULL ORDER BY h.version DESC, h.id DESC LIMIT 1) AS c
    WHERE w.after IS NOT NULL AND NOT EXISTS (
        SELECT FROM project_proposals AS q WHERE q.project_id = k.id AND q.source_system = w.source_system
        AND (q.state = 'pending' OR (q.state = 'declined' AND q.after = w.after)))""",  # noqa: S608 - constants
    "ids",
    "now",
)
_PATIENCE = text("SET LOCAL statement_timeout = '15min'")


async def changed_in(session: AsyncSession, run: UUID) -> list[UUID]:
    """The projects that a run made or changed."""
    return list(await session.scalars(_CHANGED_IN_RUN, {"run": run}))


async def find(session: AsyncSession, ids: Sequence[UUID], run: UUID | None) -> None:
    """Flag what these projects may be the same as, and take back the flags that nothing speaks for any more."""
    now = clock_of(session).now()
    await session.execute(_PATIENCE)
    # One finder at a time: whichever of two pushes is looked at last sees both.
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    for table in _OPEN.split(";"):
        await session.execute(text(table))
    await session.execute(_TOUCH, {"ids": list(ids)})
    await session.execute(_PAIR)
    await session.execute(_FLAG, {"now": now, "run": run})
    await session.execute(_WITHDRAW, {"now": now})
    await record_set(session, "project_matches.find", "project_match", _SIDES, event=False)


async def settle_ownership(session: AsyncSession, ids: Sequence[UUID] | None) -> None:
    """What is owned elsewhere of the kept projects that these belong to (None: of all), and what owners propose."""
    now = clock_of(session).now()
    found = await (session.scalars(_ALL_KEPT) if ids is None else session.scalars(_KEPT, {"ids": list(ids)}))
    kept = {"ids": list(found)}
    await session.execute(_LOCK_KEPT, kept)
    await session.execute(_ASSIGN, kept)
    await session.execute(_ENDED, {**kept, "now": now})
    await session.execute(_PROPOSED, {**kept, "now": now})
