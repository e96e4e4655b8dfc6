"""What the worker does to panels: draw, repair, settle. It sees all rows, so that no wall falsifies a panel.

People are locked first, then the panel: the order in which requests take these locks, too. What was worked out
before the locks is worked out again under them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from app.core.audit import record, record_each
from app.core.canonical import digest
from app.core.db import clock_of, ids_of, league_today
from app.core.jobs import ask
from app.models.jobs import Job
from app.models.reviews import LIVE, Assignment, AssignmentState, Draw, Panel
from app.reviews import repository, rules, service
from app.reviews.rules import PanelState
from app.reviews.seeds import service as seeds
from app.reviews.seeds.service import Urn


class OvertakenError(Exception):
    """Panel or people changed while their locks were waited for: the worker tries again."""


async def draw(session: AsyncSession, job: Job) -> None:
    """`reviews.draw`: fills the open seats and the reserve by the seed of the cycle or round, over who is eligible."""
    panel = await _seat(session, await _panel(session, job), with_reserve=True)
    # A new version even where nobody was found: the next request for a draw is then another one.
    flag_modified(panel, "updated_at")
    await session.flush()
    await _settle(session, panel, job, formed=True)


async def repair(session: AsyncSession, job: Job) -> None:
    """`reviews.repair`: somebody fell out. The next reserve moves up, or one more is drawn, or the quorum is lost."""
    panel = await _panel(session, job)
    if panel.state != PanelState.FORMING:
        panel = await _seat(session, panel, with_reserve=False)
    await _settle(session, panel, job)


async def settle(session: AsyncSession, job: Job) -> None:
    """`reviews.settle`: brings the panel's state in line with its members, and lets the subject know."""
    await _settle(session, await _panel(session, job), job)


HANDLERS = {"reviews.draw": draw, "reviews.repair": repair, "reviews.settle": settle}


async def _panel(session: AsyncSession, job: Job) -> Panel:
    panel = await repository.panel(session, UUID(job.payload["panel_id"]))
    assert panel is not None  # noqa: S101 - panels are never deleted
    return panel


async def _settle(session: AsyncSession, panel: Panel, job: Job, *, formed: bool = False) -> None:
    locked = await repository.locked_panel(session, panel.id)
    assert locked is not None  # noqa: S101
    before = locked.state
    state = rules.panel_state(
        seats=locked.seats,
        quorum=locked.quorum,
        formed=formed or before != PanelState.FORMING,
        members=await repository.members(session, locked.id),
    )
    if state != before:
        locked.state = state
        await session.flush()
        await record(session, "panels.advance", service.resource(locked), changes={"state": [before, state]})
    await ask(
        session,
        f"{locked.subject_kind}s.settle",
        key=f"{locked.subject_kind}s.settle:{job.id}",
        about=service.resource(locked),
        payload={"subject_id": str(locked.subject_id)},
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    seating: rules.Seating
    people: frozenset[UUID]
    urn: Urn | None
    pool: repository.Pool | None


async def _seat(session: AsyncSession, panel: Panel, *, with_reserve: bool) -> Panel:
    plan = await _plan(session, panel, with_reserve=with_reserve)
    await repository.lock_people(session, plan.people)
    locked = await repository.locked_panel(session, panel.id)
    assert locked is not None  # noqa: S101
    if await _plan(session, locked, with_reserve=with_reserve) != plan:
        raise OvertakenError
    await repository.promote(session, plan.seating.promoted)
    drawn = await _draw(session, locked, plan.urn, plan.pool, plan.seating) if plan.urn and plan.pool else []
    told = [*plan.seating.promoted, *drawn]
    await record_each(session, "assignments.invite", [service.of_assignment(one, panel) for one in told])
    return locked


async def _plan(session: AsyncSession, panel: Panel, *, with_reserve: bool) -> _Plan:
    today = league_today(session)
    states = await repository.members(session, panel.id)
    # A seat that is only suspended may resume: it is given away once the recusal is decided.
    vacant = panel.seats - sum(state in LIVE or state == AssignmentState.SUSPENDED for state in states)
    reserves = {row.id: row.person_id for row in await repository.waiting_reserves(session, panel, today)}
    wanted = panel.reserves if with_reserve else 0
    # Nobody is drawn while reserves are enough.
    needed = max(vacant, 0) + wanted - len(reserves)
    # Nor while the seed is not open, where a panel that was named is repaired.
    urn = await _urn(session, panel) if needed > 0 else None
    pool = await repository.pool(session, panel, urn.names, today, needed=needed) if urn else None
    drawn = urn.order(pool.eligible) if urn and pool else []
    seating = rules.seating(vacant=vacant, wanted_reserves=wanted, waiting=list(reserves), drawn=drawn)
    promoted = [reserves[assignment] for assignment in seating.promoted]
    return _Plan(seating, frozenset([*promoted, *seating.seated, *seating.reserves]), urn, pool)


async def _urn(session: AsyncSession, panel: Panel) -> Urn | None:
    """The number of the draw is part of its key: nobody decides by which of several a panel is made."""
    number = await repository.last_draw(session, panel.id) + 1
    return await seeds.urn(session, panel.occasion_id, panel.subject_id, number=number)


async def _draw(
    session: AsyncSession, panel: Panel, urn: Urn, pool: repository.Pool, seating: rules.Seating
) -> list[UUID]:
    """The draw's record, with which anybody entitled can repeat it, and the invitations that follow from it."""
    candidates = urn.candidates(pool.eligible)
    made = Draw(
        id=ids_of(session).random(),
        panel_id=panel.id,
        region_code=panel.region_code,
        case_id=panel.case_id,
        number=urn.number,
        candidates=candidates,
        candidates_sha256=digest(candidates),
        excluded=pool.excluded,
        drawn=[urn.names[person] for person in (*seating.seated, *seating.reserves)],
        seated=len(seating.seated),
        drawn_at=clock_of(session).now(),
    )
    session.add(made)
    position = await repository.last_position(session, panel.id)
    invited = _invitations(session, panel, seating.seated, after=position, reserve=False)
    session.add_all(invited)
    position += len(invited)
    session.add_all(_invitations(session, panel, seating.reserves, after=position, reserve=True))
    await session.flush()
    await record(session, "panels.draw", service.resource(panel), changes={"candidates_sha256": made.candidates_sha256})
    return [assignment.id for assignment in invited]


def _invitations(
    session: AsyncSession, panel: Panel, people: Sequence[UUID], *, after: int, reserve: bool
) -> list[Assignment]:
    return [
        Assignment(
            id=ids_of(session).random(),
            panel_id=panel.id,
            subject_kind=panel.subject_kind,
            subject_id=panel.subject_id,
            region_code=panel.region_code,
            case_id=panel.case_id,
            person_id=person,
            position=after + index,
            is_reserve=reserve,
            method="drawn",
            reason=None,
            state=AssignmentState.INVITED,
        )
        for index, person in enumerate(people, start=1)
    ]
