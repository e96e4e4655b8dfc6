"""Which projects the staged rows mean, what these would say then, and what speaks against it."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.projects import BuildingStage
from app.projects.bulk import ownership
from app.projects.bulk.columns import BITS, COLUMNS, FUNDING_LINES, from_public, public, stated
from app.projects.bulk.statements import statement
from app.projects.content import BENEFITS
from app.projects.rules import STAGE_ORDER

# Locked in one order, so that pushes do not deadlock; read by the next statement, as they stand under the lock.
_LOCK = statement(
    """SELECT count(*) FROM (
        SELECT p.id FROM projects AS p JOIN project_external_ids AS e ON e.project_id = p.id
        JOIN staged_rows AS s ON s.external_id = e.external_id AND s.broken IS NULL
        WHERE e.source_system = :source ORDER BY p.id FOR UPDATE OF p) AS taken"""
)


def _overlaid(name: str, member: str, proposed: str) -> str:
    """What the source said last: of its pending proposal on a member, else of the project, which a push changes."""
    return f"CASE WHEN q.after ? '{member}' THEN {proposed} ELSE {name} END"


_HELD_COLUMNS = ", ".join(
    _overlaid(
        "p.funding" if column.name == "funding" else f"p.{column.name}", column.member, from_public(column, "q.after")
    )
    for column in COLUMNS
)
_HOLD = statement(
    f"""INSERT INTO held_rows
    SELECT p.index, p.id, p.region_code, p.version, p.membership, {_HELD_COLUMNS},
        {_overlaid("p.organisation_id", "investment_entity", "(q.after ->> 'investment_entity')::uuid")},
        p.practice_area_id, q.id, CASE WHEN p.membership = 'in_library' THEN {public("p")} END,
        p.owned_elsewhere
    FROM (
        SELECT s.index, p.*, {FUNDING_LINES} AS funding
        FROM staged_rows AS s JOIN project_external_ids AS e ON e.external_id = s.external_id
        JOIN projects AS p ON p.id = e.project_id
        WHERE e.source_system = :source AND s.broken IS NULL OFFSET 0) AS p
    LEFT JOIN project_proposals AS q ON q.project_id = p.id AND q.source_system = :source AND q.state = 'pending'
        AND p.membership = 'in_library'"""  # noqa: S608 - constants
)

_MERGED_COLUMNS = ", ".join(
    f"CASE WHEN h.index IS NULL OR {stated(column)} THEN s.{column.name} ELSE h.{column.name} END"
    if column.name != "secondary_modes"
    else f"CASE WHEN {stated(column)} THEN s.secondary_modes ELSE coalesce(h.secondary_modes, '{{}}') END"
    for column in COLUMNS
)
_MERGE = statement(
    f"""INSERT INTO merged_rows
    SELECT s.index, coalesce(h.id, gate.dossier_id(:now)), s.region_code, s.external_id, h.index IS NOT NULL,
        coalesce(h.version, 0), h.membership, {_MERGED_COLUMNS},
        h.organisation_id, h.practice_area_id, NULL, s.stage_reason, s.faults
    FROM staged_rows AS s LEFT JOIN held_rows AS h ON h.index = s.index WHERE s.broken IS NULL"""  # noqa: S608 - constants
)

_BOTH_DATES = BITS["starts_on"] | BITS["ends_on"]
_NO_BENEFIT = " AND ".join(f"coalesce(m.expected_{name}, 0) = 0" for name in BENEFITS)
_STAGES = "{" + ",".join(STAGE_ORDER) + "}"
_SUSPENDED = BuildingStage.SUSPENDED.value


def _step_back(before: str, after: str) -> str:
    """`rules.stage_needs_reason`, spelled for a set."""
    order = f"array_position('{_STAGES}'::text[]"
    return f"""CASE WHEN {after} = '{_SUSPENDED}' THEN {before} <> '{_SUSPENDED}'
        WHEN {before} = '{_SUSPENDED}' THEN false
        ELSE {order}, {after}) < {order}, {before}) END"""


# What a reader could not know alone: it depends on what stands. The rest came with the row.
_JUDGE = statement(
    f"""UPDATE merged_rows AS m SET faults = array_remove(ARRAY[
            CASE WHEN :strategy = 'create' AND m.held THEN '/external_id|exists'
                 WHEN :strategy = 'update' AND NOT m.held THEN '/external_id|not_found' END,
            CASE WHEN (s.stated & {_BOTH_DATES}) <> {_BOTH_DATES} AND m.ends_on < m.starts_on
                 THEN '/ends_on|dates_out_of_order' END,
            CASE WHEN NOT ({stated(COLUMNS[4])} AND {stated(COLUMNS[3])}) AND m.primary_mode = ANY (m.secondary_modes)
                 THEN '/secondary_modes/' || array_position(m.secondary_modes, m.primary_mode) - 1 || '|duplicate' END]
            || m.faults || ARRAY[
            CASE WHEN {_NO_BENEFIT} THEN '/expected_benefits|required' END,
            CASE WHEN h.region_code <> m.region_code THEN '/region_code|fixed' END,
            CASE WHEN m.stage_reason IS NULL AND {_step_back("h.building_stage", "m.building_stage")}
                 THEN '/stage_reason|required' END], NULL)
    FROM staged_rows AS s LEFT JOIN held_rows AS h ON h.index = s.index WHERE s.index = m.index"""  # noqa: S608 - constants
)

# Without statistics the planner takes the staged rows for a handful, and loops.
_ANALYSE = [text(f"ANALYZE {table}") for table in ("staged_rows", "held_rows", "merged_rows")]
_WORTH_COUNTING = 500


async def match(session: AsyncSession, source: str, strategy: str, now: object, count: int) -> bool:
    """Fill `held_rows` and `merged_rows`; every fault of a row stands in `merged_rows.faults`. Whether anything that
    the rows say was withheld."""
    staged, held, merged = _ANALYSE
    if count >= _WORTH_COUNTING:
        await session.execute(staged)
    await session.execute(_LOCK, {"source": source})
    await session.execute(_HOLD, {"source": source})
    if count >= _WORTH_COUNTING:
        await session.execute(held)
    withheld = await ownership.withhold(session)
    await session.execute(_MERGE, {"now": now})
    if count >= _WORTH_COUNTING:
        await session.execute(merged)
    await session.execute(_JUDGE, {"strategy": strategy})
    return withheld
