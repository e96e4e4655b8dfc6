"""Members that another source owns: a push of the project's own source does not change them.

What is withheld counts as not stated, so that the row is judged and merged without it; the receipt names it, and what
the source said is kept beside the project.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from app.projects.bulk.columns import BITS, COLUMNS, Column, public, stated
from app.projects.bulk.statements import statement
from app.projects.content import OWNABLE

_BY_MEMBER = {member: [column for column in COLUMNS if column.member == member] for member in OWNABLE}


def _differs(column: Column) -> str:
    staged, held = f"s.{column.name}", f"h.{column.name}"
    if column.name == "secondary_modes":
        # A set: their order says nothing.
        staged, held = (f"ARRAY(SELECT m FROM unnest({modes}) AS u(m) ORDER BY m)" for modes in (staged, held))  # noqa: S608 - constants
    return f"({stated(column)} AND {staged} IS DISTINCT FROM {held})"


def _would_change(member: str) -> str:
    differs = " OR ".join(_differs(column) for column in _BY_MEMBER[member])
    return f"CASE WHEN '{member}' = ANY (h.owned) AND ({differs}) THEN '{member}' END"


_WITHHOLD = statement(
    f"""INSERT INTO withheld_rows
    SELECT w.index, w.members FROM (
        SELECT s.index, array_remove(ARRAY[{", ".join(_would_change(member) for member in sorted(OWNABLE))}], NULL)
            AS members
        FROM staged_rows AS s JOIN held_rows AS h ON h.index = s.index WHERE h.owned <> '{{}}') AS w
    WHERE w.members <> '{{}}'"""  # noqa: S608 - constants
)
_MASKS = ", ".join(
    f"('{member}', {sum(BITS[column.name] for column in columns)})" for member, columns in _BY_MEMBER.items()
)
_WORDS = statement(
    f"""UPDATE withheld_rows AS w SET said = (
        SELECT jsonb_object_agg(m, {public("r")} -> m) FROM unnest(w.members) AS u(m))
    FROM (SELECT s.*, NULL::uuid AS organisation_id, NULL::uuid AS practice_area_id FROM staged_rows AS s) AS r
    WHERE r.index = w.index"""  # noqa: S608 - constants
)
_AS_IF_UNSTATED = statement(
    f"""UPDATE staged_rows AS s SET stated = s.stated & ~(
        SELECT sum(k.mask)::integer FROM (VALUES {_MASKS}) AS k(member, mask) WHERE k.member = ANY (w.members))
    FROM withheld_rows AS w WHERE w.index = s.index"""  # noqa: S608 - constants
)
_TELL = text(
    """UPDATE settled_rows AS t SET withheld = w.members FROM withheld_rows AS w
    WHERE w.index = t.index AND t.action <> 'rejected'"""
)
_KEEP = statement(
    """INSERT INTO project_withheld_words AS k (project_id, member, region_code, said, import_run_id, said_at)
    SELECT m.id, d.key, m.region_code, jsonb_build_object('value', d.value), :run, :now
    FROM withheld_rows AS w JOIN settled_rows AS t ON t.index = w.index JOIN merged_rows AS m ON m.index = w.index,
        jsonb_each(w.said) AS d
    WHERE t.action <> 'rejected'
    ON CONFLICT (project_id, member) DO UPDATE
    SET said = excluded.said, import_run_id = excluded.import_run_id, said_at = excluded.said_at"""
)


async def withhold(session: AsyncSession) -> bool:
    """Between holding and merging: what the rows state of members that are not their source's to change; whether there
    is any."""
    found = await session.execute(_WITHHOLD)
    assert isinstance(found, CursorResult)  # noqa: S101 - what an INSERT gives
    if not found.rowcount:
        return False
    await session.execute(_WORDS)
    await session.execute(_AS_IF_UNSTATED)
    return True


async def tell(session: AsyncSession, run: UUID, now: datetime) -> None:
    """After settling: the receipt names it, and the words are kept."""
    await session.execute(_TELL)
    await session.execute(_KEEP, {"run": run, "now": now})
