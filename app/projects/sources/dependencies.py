"""Who may touch which pair: 404, then scope, side and recusal over both projects, state, If-Match."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, refusals
from app.core.etag import IfMatch
from app.core.routing import answers
from app.core.workflow import SAME_PERSON, WRONG_STATE
from app.models.sources import ProjectMatch
from app.projects import repository as library
from app.projects.rules import ADMIT
from app.projects.sources import repository, rules, service
from app.projects.sources.schemas import OwnershipOut
from app.projects.sources.service import Pair

MatchReader = Annotated[Caller, requires(ADMIT)]
Decider = Annotated[Caller, acts(ADMIT)]
OwnershipReader = Annotated[Caller, requires("projects:read")]
OwnershipKeeper = Annotated[Caller, requires(ADMIT)]


@answers(e.NOT_FOUND)
async def visible_match(session: Session, match_id: UUID) -> ProjectMatch:
    found = await repository.match(session, match_id)
    if found is None:
        raise e.NotFound
    return found


VisibleMatch = Annotated[ProjectMatch, Depends(visible_match)]


class PairTo:
    """The pair that `action` is about, with both projects, locked: the caller may do it, now, on what they saw."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.problems = (e.NOT_FOUND, *refusals(rules.MATCHES.transitions[action]))

    async def __call__(self, session: Session, caller: AnyCaller, match: VisibleMatch, precondition: IfMatch) -> Pair:
        ids = [match.project_id, match.other_project_id]
        seen = await service.pair_of(session, caller, match, await library.some(session, ids))
        # Authority before the lock: the walls' update policy hides the rows from FOR UPDATE.
        verdict = rules.judge(self.action, match.state, seen.actor, (None, None))
        if verdict.refusal not in {WRONG_STATE, SAME_PERSON}:
            insist(verdict, ADMIT)
        # Projects first, in one order, as pushes lock them.
        sides = await library.some(session, ids, lock=True)
        locked = await repository.match(session, match.id, lock=True)
        if locked is None or len(sides) < len(ids):
            raise e.NotFound
        by = await repository.proposers(session, ids)
        proposers = (by.get(match.project_id), by.get(match.other_project_id))
        insist(rules.judge(self.action, locked.state, seen.actor, proposers), ADMIT)
        pair = Pair(locked, sides[match.project_id], sides[match.other_project_id], seen.actor)
        precondition.check(pair.version)
        return pair


def pair_to(action: str) -> Any:
    return Depends(PairTo(action))


PairToJoin = Annotated[Pair, pair_to("same")]
PairToTellApart = Annotated[Pair, pair_to("distinct")]
PairToReopen = Annotated[Pair, pair_to("reopen")]


async def ownership_to_replace(session: Session, precondition: IfMatch) -> OwnershipOut:
    """One change at a time; it is of the table that the caller saw."""
    await repository.one_table_at_a_time(session)
    found = service.table(await repository.ownership(session))
    precondition.check(found.version)
    return found


OwnershipToReplace = Annotated[OwnershipOut, Depends(ownership_to_replace)]
