"""Use cases of the yearly round (Art. 12)."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.cases.rounds import rules
from app.cases.rounds.schemas import RoundIn
from app.core.audit import Resource, record
from app.core.canonical import digest
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, Invalid, Reason
from app.core.jobs import ask
from app.models.cases import CaseRound, RoundPhase

CONSTRAINT_REASONS["uq_case_rounds_year"] = Reason(
    "round_exists", "该年度的典型案例遴选已开展", "The year has its round already"
)


async def open_round(session: AsyncSession, body: RoundIn) -> CaseRound:
    """Raises `Invalid` where the numbers do not add up, `Conflict` (`round_exists`)."""
    weights = body.weights.by_code()
    faults = rules.faults(year=body.year, due_on=body.due_on, weights=weights, seats=body.seats, quorum=body.quorum)
    if faults:
        raise Invalid(*faults)
    criteria = rules.criteria_of(weights)
    opened = CaseRound(
        id=ids_of(session).dossier(clock_of(session).now()),
        **body.model_dump(exclude={"weights"}),
        criteria=criteria,
        criteria_sha256=digest(criteria),
        phase=RoundPhase.OPEN,
    )
    session.add(opened)
    await session.flush()
    after = {**body.model_dump(mode="json"), "criteria_sha256": opened.criteria_sha256}
    await record(session, "case_rounds.create", resource(opened), changes={"after": after})
    return opened


async def close(session: AsyncSession, found: CaseRound) -> None:
    """No case is begun any more; those that the office returned may still come back."""
    await _to(session, found, RoundPhase.REVIEWING, "case_rounds.close")


async def request_selection(session: AsyncSession, found: CaseRound) -> None:
    """Ends the recommending, and asks the worker, who sees every file, to select. A phase of the calendar: it moves
    with the request, whatever the worker finds."""
    if found.phase != RoundPhase.CLOSED:
        await _to(session, found, RoundPhase.CLOSED, "case_rounds.end")
    await _request(session, found, "selection", "cases.select")


async def request_publication(session: AsyncSession, found: CaseRound) -> None:
    await _request(session, found, "publication", "cases.publish")


async def _to(session: AsyncSession, found: CaseRound, phase: RoundPhase, action: str) -> None:
    before, found.phase = found.phase, phase
    await session.flush()
    await record(session, action, resource(found), changes={"phase": {"before": before, "after": phase}})


async def _request(session: AsyncSession, found: CaseRound, what: str, kind: str) -> None:
    await record(session, f"case_rounds.request_{what}", resource(found), event=False)
    await ask(
        session,
        kind,
        # Each request is a job of its own: an earlier one may have come too early.
        key=f"{kind}:{ids_of(session).random()}",
        about=resource(found),
        payload={"round_id": str(found.id)},
    )


def resource(found: CaseRound) -> Resource:
    return Resource("case_round", found.id)
