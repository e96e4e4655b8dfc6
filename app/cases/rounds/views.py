"""A round as one caller meets it."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.cases.rounds import repository
from app.cases.rounds.rules import UNDECIDED, WORKFLOW
from app.cases.rounds.schemas import RoundOut, RoundSummary
from app.core.actions import shown
from app.core.workflow import Verdict
from app.models.cases import CaseRound

_MECHANICAL = frozenset({"select", "publish"})


async def held_up(session: AsyncSession, found: CaseRound, verdict: Verdict) -> Verdict:
    """What the caller may know of, and what is in the way: a case that the caller is recused from is not there. The
    worker looks at all of them.
    """
    if not verdict.allowed or verdict.action not in _MECHANICAL:
        return verdict
    if await repository.has_undecided(session, found.id):
        return Verdict(verdict.action, UNDECIDED)
    return Verdict(verdict.action, (await repository.in_the_way(session, found.id)).refusal)


async def show(session: AsyncSession, caller: Caller, found: CaseRound) -> RoundOut:
    verdicts = WORKFLOW.verdicts(found.phase, caller.league_actor())
    return RoundOut(
        **RoundSummary.model_validate(found).model_dump(),
        allowed_actions=shown([await held_up(session, found, verdict) for verdict in verdicts]),
    )
