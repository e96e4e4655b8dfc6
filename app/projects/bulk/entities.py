"""The investment entities (投资主体) that a push names: matched by credit code, else by name and region, else made."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import record_set
from app.core.errors import Conflict
from app.projects.bulk.statements import statement

_LOCK = 7_204_811_014
_NO_CODE = "报送数据未提供统一社会信用代码 / not stated by the source system"

# Each entity once, however many rows name it; only rows without a fault ask for one.
_WANT = statement(
    """INSERT INTO wanted_entities
    SELECT row_number() OVER (ORDER BY min(s.index)), s.region_code, s.entity_name, s.entity_kind, s.entity_code
    FROM staged_rows AS s JOIN merged_rows AS m ON m.index = s.index WHERE m.faults = '{}'
    GROUP BY s.region_code, s.entity_name, s.entity_kind, s.entity_code"""
)
_BY_CODE = statement(
    """UPDATE wanted_entities AS w SET organisation_id = o.id FROM organisations AS o
    WHERE w.organisation_id IS NULL AND o.credit_code = w.credit_code"""
)
# With a code: the same body before its code was known; a namesake with another code is another legal person.
# Without one, of several namesakes only a code could tell which is meant.
_BY_NAME = statement(
    """UPDATE wanted_entities AS w
    SET organisation_id = CASE WHEN n.bodies = 1 THEN n.id END,
        ambiguous = (w.credit_code IS NULL AND n.bodies > 1)
    FROM (
        SELECT v.number, count(*) AS bodies, (array_agg(o.id))[1] AS id
        FROM wanted_entities AS v JOIN organisations AS o ON o.name = v.name AND o.region_code = v.region_code
        WHERE v.organisation_id IS NULL AND (v.credit_code IS NULL OR o.credit_code IS NULL)
        GROUP BY v.number) AS n
    WHERE n.number = w.number"""
)
_MISSING = "organisation_id IS NULL AND ambiguous IS NOT TRUE"
_COUNT = statement(f"SELECT count(*) FROM wanted_entities WHERE {_MISSING}")  # noqa: S608 - constants
# One body for each code, and one for each name that comes without any.
_MAKE = statement(
    f"""WITH coded AS (
        SELECT DISTINCT ON (credit_code) * FROM wanted_entities
        WHERE {_MISSING} AND credit_code IS NOT NULL ORDER BY credit_code, number),
    bare AS (
        SELECT DISTINCT ON (region_code, name) * FROM wanted_entities AS w
        WHERE {_MISSING} AND credit_code IS NULL
        AND NOT EXISTS (SELECT FROM coded AS c WHERE c.region_code = w.region_code AND c.name = w.name)
        ORDER BY region_code, name, number),
    made AS (
        INSERT INTO organisations (id, name, short_name, kind, credit_code, no_code_reason, region_code, parent_id,
            charge_modes, version, created_at, updated_at)
        SELECT gate.dossier_id(:now), name, NULL, kind, credit_code,
            CASE WHEN credit_code IS NULL THEN '{_NO_CODE}' END, region_code, NULL, '{{}}', 1, :now, :now
        FROM (SELECT * FROM coded UNION ALL SELECT * FROM bare) AS new
        ON CONFLICT DO NOTHING RETURNING id, region_code)
    INSERT INTO made_entities SELECT id, region_code FROM made"""  # noqa: S608 - constants
)
_GIVE = statement(
    """UPDATE merged_rows AS m SET organisation_id = w.organisation_id,
        faults = CASE WHEN w.ambiguous THEN '{/investment_entity/credit_code|ambiguous}' ELSE m.faults END
    FROM staged_rows AS s JOIN wanted_entities AS w ON w.region_code = s.region_code AND w.name = s.entity_name
        AND w.kind = s.entity_kind AND w.credit_code IS NOT DISTINCT FROM s.entity_code
    WHERE s.index = m.index AND m.faults = '{}'"""
)


async def resolve(session: AsyncSession, now: datetime) -> None:
    """Give each row without a fault its entity, new ones made. Raises `Conflict` where one stays hidden."""
    await session.execute(_WANT)
    if await _match(session):
        # Pushes of other sources may name the same new body: one makes it, the next finds it.
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if await _match(session):
            await _make(session, now)
            if await _match(session):
                raise Conflict
    await session.execute(_GIVE)


async def _match(session: AsyncSession) -> int:
    await session.execute(_BY_CODE)
    await session.execute(_BY_NAME)
    missing = await session.scalar(_COUNT)
    return int(missing or 0)


async def _make(session: AsyncSession, now: datetime) -> None:
    await session.execute(_MAKE, {"now": now})
    made = "SELECT id, region_code, id AS organisation_id, NULL::uuid AS project_id FROM made_entities"
    await record_set(session, "organisations.create", "organisation", made)
