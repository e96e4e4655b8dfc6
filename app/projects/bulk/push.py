"""One push, set by set: a fixed number of statements, whatever the count of rows.

A row proposes: what is new arrives as `proposed`; what is there, and no member of the library, is changed where it
stands, with history; a change of a member waits for the office as a proposal of its own. The membership of a project
that was declined or left does not move by a push: the region proposes it again itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import clock_of
from app.projects.bulk import entities, matching, ownership, writing

_LOCK_SEED = 7_204_811_013


@dataclass(frozen=True, slots=True)
class Push:
    source: str
    strategy: str
    run_id: UUID


async def apply(session: AsyncSession, push: Push, count: int) -> None:
    """Apply the staged rows, `count` of them with different external ids; what became of each is in `settled_rows`.
    Raises `Busy`, `Conflict`.
    """
    now = clock_of(session).now()
    # One push of a source at a time: the next one sees what this one made.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(push.source, _LOCK_SEED))))
    withheld = await matching.match(session, push.source, push.strategy, now, count)
    await entities.resolve(session, now)
    await writing.settle(session)
    await writing.create(session, push.source, now)
    await writing.change(session, push.source, push.run_id, now)
    if withheld:
        await ownership.tell(session, push.run_id, now)


async def leave_missing(session: AsyncSession, push: Push, regions: Sequence[str]) -> int:
    """Members of this source in these regions that a full push names no more leave the library; how many did."""
    return await writing.leave(session, push.source, push.run_id, regions, clock_of(session).now())
