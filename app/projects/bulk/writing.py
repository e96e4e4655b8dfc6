"""What a push leaves: projects, proposals, funding, history and audit, each by one statement for all its rows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import record_set
from app.core.db import Entry, trial
from app.core.errors import Busy
from app.models.projects import Membership
from app.projects.bulk.columns import COLUMNS, OWN, differences, first_words, public
from app.projects.bulk.statements import statement

_ATTEMPTS = 3
_LEFT_REASON = "全量报送中未再出现 / absent from a full push"

_SAME = " AND ".join(
    f"h.{name} IS NOT DISTINCT FROM m.{name}"
    for name in (*(column.name for column in COLUMNS), "organisation_id", "practice_area_id")
)
# What a row comes to. Of a member only the building stage moves by a push: the rest is for the office to accept.
# Columns that are equal are spared their JSON; `OFFSET 0`, or each mention of it would make it again.
_SETTLE = statement(
    f"""INSERT INTO settled_rows
    SELECT r.index, r.id,
        CASE WHEN NOT r.held THEN 'created' WHEN r.same OR r.before = r.after THEN 'unchanged'
            WHEN r.membership = '{Membership.IN_LIBRARY}' AND r.before - 'building_stage' <> r.after - 'building_stage'
            THEN 'proposed' ELSE 'updated' END,
        CASE WHEN r.before <> r.after THEN ARRAY(
            SELECT a.key FROM jsonb_each(r.after) AS a
            WHERE a.value IS DISTINCT FROM r.before -> a.key ORDER BY a.key COLLATE "C") ELSE '{{}}' END,
        '{{}}', r.before, r.after
    FROM (SELECT o.index, o.id, o.membership, o.held, o.same,
            CASE WHEN o.held AND NOT o.same THEN {public("h")} END AS before,
            CASE WHEN NOT o.same THEN {public("m")} END AS after
        FROM (SELECT m.index, m.id, m.membership, m.held, m.held AND {_SAME} AS same
            FROM merged_rows AS m LEFT JOIN held_rows AS h ON h.index = m.index WHERE m.faults = '{{}}' OFFSET 0) AS o
        JOIN merged_rows AS m ON m.index = o.index LEFT JOIN held_rows AS h ON h.index = o.index OFFSET 0) AS r
    UNION ALL SELECT m.index, CASE WHEN m.held THEN m.id END, 'rejected', '{{}}', m.faults, NULL, NULL
    FROM merged_rows AS m WHERE m.faults <> '{{}}'"""  # noqa: S608 - constants
)

_ARRIVAL = f''''{{"membership": {{"before": null, "after": "{Membership.PROPOSED}"}}}}'::jsonb'''
_OWN = ", ".join(column.name for column in OWN)
_CREATE = statement(
    f"""INSERT INTO projects (id, region_code, organisation_id, source_system, membership, version, created_at,
        updated_at, {_OWN})
    SELECT m.id, m.region_code, m.organisation_id, :source, '{Membership.PROPOSED}', 1, :now, :now,
        {", ".join(f"m.{column.name}" for column in OWN)}
    FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index WHERE t.action = 'created'"""  # noqa: S608 - constants
)
# An external id that stands for a project which the caller may not see is met only here.
_NAME = statement(
    """WITH named AS (
        INSERT INTO project_external_ids (source_system, external_id, project_id, region_code)
        SELECT :source, m.external_id, m.id, m.region_code
        FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index WHERE t.action = 'created'
        ON CONFLICT DO NOTHING RETURNING 1)
    SELECT (SELECT count(*) FROM settled_rows WHERE action = 'created') - (SELECT count(*) FROM named)"""
)
_MET = statement(
    """SELECT m.index FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index
    WHERE t.action = 'created' AND NOT EXISTS (
        SELECT FROM project_external_ids AS e WHERE e.project_id = m.id AND e.external_id = m.external_id)"""
)
_REFUSE = statement(
    """UPDATE settled_rows SET action = 'rejected', id = NULL, faults = '{/external_id|conflict}'
    WHERE index = ANY (:met)"""
)

_UPDATE = statement(
    f"""UPDATE projects AS p SET organisation_id = m.organisation_id, version = p.version + 1, updated_at = :now,
        {", ".join(f"{column.name} = m.{column.name}" for column in OWN)}
    FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index
    WHERE t.action = 'updated' AND p.id = m.id AND m.membership <> '{Membership.IN_LIBRARY}'"""  # noqa: S608 - constants
)
# A member's stage is told and moves at once, whatever becomes of the rest.
_REPORT = statement(
    f"""UPDATE projects AS p SET building_stage = m.building_stage, version = p.version + 1, updated_at = :now
    FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index
    WHERE t.action IN ('updated', 'proposed') AND p.id = m.id AND m.membership = '{Membership.IN_LIBRARY}'
    AND p.building_stage <> m.building_stage"""  # noqa: S608 - constants
)
_MOVES_FUNDING = f"""t.action = 'created' OR (t.action = 'updated' AND m.membership <> '{Membership.IN_LIBRARY}'
    AND 'funding' = ANY (t.changed))"""
_CLEAR_FUNDING = statement(
    f"""DELETE FROM project_funding AS f USING merged_rows AS m JOIN settled_rows AS t ON t.index = m.index
    WHERE f.project_id = m.id AND t.action = 'updated' AND ({_MOVES_FUNDING})"""  # noqa: S608 - constants
)
_FUND = statement(
    f"""INSERT INTO project_funding (id, project_id, region_code, source, year, planned, done)
    SELECT gate.dossier_id(:now), m.id, m.region_code, l.source, l.year, l.planned, l.done
    FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index,
        jsonb_to_recordset(m.funding) AS l(source text, year integer, planned numeric, done numeric)
    WHERE {_MOVES_FUNDING}"""  # noqa: S608 - constants
)

# The content, and the building stage by an act of its own (`reported`). Ids of one moment keep the acts' order.
_REMEMBER = statement(
    f"""INSERT INTO project_changes (id, project_id, region_code, version, occurred_at, action, actor_kind, actor_id,
        import_run_id, reason, changes)
    SELECT CASE WHEN a.action = 'reported' THEN greatest(w.one, w.two) ELSE least(w.one, w.two) END, w.id,
        w.region_code, w.version + 1, :now, a.action, :actor_kind, :actor, :run, a.reason, a.changes
    FROM (
        SELECT m.id, m.region_code, m.version, m.stage_reason, t.action, d.changes, m.membership,
            gate.dossier_id(:now) AS one, gate.dossier_id(:now) AS two
        FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index,
            LATERAL (SELECT CASE WHEN t.before IS NULL THEN {first_words("t.after")}
                ELSE {differences("t.before", "t.after")} END AS changes) AS d
        WHERE t.action IN ('created', 'updated') OR (t.action = 'proposed' AND 'building_stage' = ANY (t.changed))
        OFFSET 0) AS w,
    LATERAL (VALUES
        (CASE WHEN w.action = 'created' THEN 'create' ELSE 'update' END, NULL,
            CASE WHEN w.action = 'created' THEN w.changes - 'building_stage' || {_ARRIVAL}
                WHEN w.action = 'updated' AND w.membership <> '{Membership.IN_LIBRARY}'
                THEN w.changes - 'building_stage' ELSE '{{}}' END),
        ('reported', w.stage_reason, CASE WHEN w.changes ? 'building_stage'
            THEN jsonb_build_object('building_stage', w.changes -> 'building_stage') ELSE '{{}}' END)
        ) AS a(action, reason, changes)
    WHERE a.changes <> '{{}}'"""  # noqa: S608 - constants
)

# One proposal of a source waits at a time: what it says now takes the place of what it said before.
_SUPERSEDE = statement(
    """UPDATE project_proposals AS q SET state = CASE WHEN w.differs THEN 'superseded' ELSE 'withdrawn' END,
        version = q.version + 1, updated_at = :now
    FROM (SELECT h.proposal_id, h.stands - 'building_stage' <> t.after - 'building_stage' AS differs
        FROM held_rows AS h JOIN settled_rows AS t ON t.index = h.index WHERE t.action = 'proposed') AS w
    WHERE q.id = w.proposal_id"""
)
_PROPOSE = statement(
    """INSERT INTO project_proposals (id, project_id, region_code, organisation_id, source_system, import_run_id,
        proposed_by, proposed_kind, state, after, version, created_at, updated_at)
    SELECT gate.dossier_id(:now), m.id, m.region_code, m.organisation_id, :source, :run, :actor, :actor_kind, 'pending',
        (SELECT jsonb_object_agg(a.key, a.value) FROM jsonb_each(t.after - 'building_stage') AS a
         WHERE a.value IS DISTINCT FROM h.stands -> a.key), 1, :now, :now
    FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index JOIN held_rows AS h ON h.index = m.index
    WHERE t.action = 'proposed' AND h.stands - 'building_stage' <> t.after - 'building_stage'"""
)

_SUBJECTS = "SELECT m.id, m.region_code, m.organisation_id, m.id AS project_id"
_ROWS = "FROM merged_rows AS m JOIN settled_rows AS t ON t.index = m.index"
_CREATED = f"{_SUBJECTS} {_ROWS} WHERE t.action = 'created'"
_UPDATED = f"""{_SUBJECTS} {_ROWS} WHERE t.action = 'updated' OR
    (t.action = 'proposed' AND 'building_stage' = ANY (t.changed))"""
_PROPOSED = f"{_SUBJECTS} {_ROWS} WHERE t.action = 'proposed'"


_CREATING, _UPDATING, _PROPOSING = {"created"}, {"updated"}, {"proposed"}
# Each step, and the actions without which there is nothing for it to do.
_STEPS = (
    (_UPDATE, _UPDATING),
    (_REPORT, _UPDATING | _PROPOSING),
    (_CLEAR_FUNDING, _UPDATING),
    (_FUND, _CREATING | _UPDATING),
    (_SUPERSEDE, _PROPOSING),
    (_PROPOSE, _PROPOSING),
    (_REMEMBER, _CREATING | _UPDATING | _PROPOSING),
)
_TRACES = (
    ("projects.create", _CREATED, _CREATING),
    ("projects.update", _UPDATED, _UPDATING | _PROPOSING),
    ("projects.proposal", _PROPOSED, _PROPOSING),
)


async def settle(session: AsyncSession) -> None:
    """Fill `settled_rows`: what becomes of every row that could be read."""
    await session.execute(_SETTLE)


async def actions(session: AsyncSession) -> set[str]:
    """What there is to do at all."""
    return set(await session.scalars(text("SELECT DISTINCT action FROM settled_rows")))


async def create(session: AsyncSession, source: str, now: datetime) -> None:
    """Make the new projects. Rows whose external id stands for a hidden project are refused. Raises `Busy` where it
    lost a race that it can win later.
    """
    if "created" not in await actions(session):
        return
    for _ in range(_ATTEMPTS):
        async with trial(session) as attempt:
            await session.execute(_CREATE, {"source": source, "now": now})
            attempt.kept = not await session.scalar(_NAME, {"source": source})
            met = [] if attempt.kept else list(await session.scalars(_MET))
        if attempt.kept:
            return
        await session.execute(_REFUSE, {"met": met})
    raise Busy


async def change(session: AsyncSession, source: str, run: UUID, now: datetime) -> None:
    """All that follows from `settled_rows` for what stood there already, and the history of every row."""
    entry: Entry = session.info["entry"]
    told = {"source": source, "run": run, "now": now, "actor": entry.principal, "actor_kind": entry.kind}
    found = await actions(session)
    for one, needed in _STEPS:
        if found & needed:
            await session.execute(one, {name: told[name] for name in one.compile().params})
    for action, rows, needed in _TRACES:
        if found & needed:
            await record_set(session, action, "project", rows)


_LEAVE = statement(
    f"""WITH gone AS (
        UPDATE projects AS p SET membership = '{Membership.LEFT}', version = p.version + 1, updated_at = :now
        WHERE p.source_system = :source AND p.region_code = ANY (:regions)
        AND p.membership = '{Membership.IN_LIBRARY}' AND NOT EXISTS (
            SELECT FROM project_external_ids AS e JOIN staged_rows AS s ON s.external_id = e.external_id
            WHERE e.project_id = p.id AND e.source_system = :source)
        RETURNING p.id, p.region_code, p.version, p.organisation_id)
    INSERT INTO left_projects SELECT id, region_code, version, organisation_id FROM gone"""  # noqa: S608 - constants
)
# Of the source's own: another one's is not shown where the project is no member.
_WITHDRAW = statement(
    """UPDATE project_proposals AS q SET state = 'withdrawn', version = q.version + 1, updated_at = :now
    FROM left_projects AS g WHERE q.project_id = g.id AND q.state = 'pending'"""
)
_LEFT = f"""'{{"membership": {{"before": "{Membership.IN_LIBRARY}", "after": "{Membership.LEFT}"}}}}'::jsonb"""
_REMEMBER_LEAVING = statement(
    f"""INSERT INTO project_changes (id, project_id, region_code, version, occurred_at, action, actor_kind, actor_id,
        import_run_id, reason, changes)
    SELECT gate.dossier_id(:now), id, region_code, version, :now, 'leave', :actor_kind, :actor, :run, :reason, {_LEFT}
    FROM left_projects"""  # noqa: S608 - constants
)
_WHO_LEFT = "SELECT id, region_code, organisation_id, id AS project_id FROM left_projects"


async def leave(session: AsyncSession, source: str, run: UUID, regions: Sequence[str], now: datetime) -> int:
    """Members of this source in these regions that a full push names no more leave the library (退库)."""
    entry: Entry = session.info["entry"]
    await session.execute(_LEAVE, {"source": source, "regions": list(regions), "now": now})
    await session.execute(_WITHDRAW, {"now": now})
    told = {"run": run, "now": now, "actor": entry.principal, "actor_kind": entry.kind, "reason": _LEFT_REASON}
    await session.execute(_REMEMBER_LEAVING, told)
    await record_set(session, "projects.leave", "project", _WHO_LEFT)
    return await session.scalar(text("SELECT count(*) FROM left_projects")) or 0
