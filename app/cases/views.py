"""A case as one caller meets it, and what they may do with it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.cases import repository
from app.cases.rounds import repository as rounds
from app.cases.rounds.rules import HANDLING, RECOMMENDING, RECOMMENDING_ENDED
from app.cases.rules import INCOMPLETE, TEXTS, UNDER_REVIEW, WORKFLOW, is_named, missing_parts
from app.cases.schemas import CaseOut, CaseOutcome, CaseSummary
from app.core.actions import shown
from app.core.db import walled_from
from app.core.errors import Reason
from app.core.workflow import Actor, Verdict
from app.models.cases import Case, CaseRound, CaseState, RoundPhase


async def actor_of(session: AsyncSession, caller: Caller, case: Case) -> Actor:
    recused = caller.is_league and await walled_from(session, await _subjects(session, case))
    return caller.actor(case.region_code, recused=recused)


async def _subjects(session: AsyncSession, case: Case) -> list[str]:
    """Whatever a recusal could have been declared from: also the project's investor."""
    subjects = [f"region:{case.region_code}", f"case:{case.id}"]
    if case.project_id is not None:
        subjects.append(f"project:{case.project_id}")
        project = await repository.project(session, case.project_id)
        if project is not None and project.organisation_id is not None:
            subjects.append(f"organisation:{project.organisation_id}")
    return subjects


def authors(case: Case, caller: Caller) -> dict[str, UUID | None]:
    """Who did the earlier acts. It is enough to have had a hand in the text at any time."""
    prepared = caller.id in {case.prepared_by, *case.edited_by}
    return {"prepare": caller.id if prepared else None, "recommend": case.recommended_by}


async def hindrance(session: AsyncSession, case: Case, found: CaseRound, action: str) -> Reason | None:
    """What the round or the review says against an act that the case's own state allows. `found` is the round."""
    match action:
        case "recommend" if found.phase not in RECOMMENDING[CaseState(case.state)]:
            return RECOMMENDING_ENDED
        case "return" | "start-review" if await repository.file_of(session, case.id) is not None:
            return UNDER_REVIEW
        case "return" | "start-review" if found.phase not in HANDLING:
            return RECOMMENDING_ENDED
        case _:
            return None


def texts(case: Case) -> dict[str, str | None]:
    return {name: getattr(case, name) for name in TEXTS}


def summary(case: Case, file_id: UUID | None) -> CaseSummary:
    columns = {name: getattr(case, name) for name in CaseSummary.model_fields if name != "case_file_id"}
    return CaseSummary.model_validate({**columns, "case_file_id": file_id})


async def _outcome(session: AsyncSession, case: Case, found: CaseRound) -> CaseOutcome | None:
    """From the publication alone, and so the same for whoever meets the case, recused or not."""
    if found.phase != RoundPhase.PUBLISHED or case.state != CaseState.RECOMMENDED:
        return None
    content = await repository.published(session, found.year)
    if content is None:
        return None
    return CaseOutcome.SELECTED if is_named(content, str(case.id)) else CaseOutcome.NOT_SELECTED


async def show(session: AsyncSession, caller: Caller, case: Case) -> CaseOut:
    found = await rounds.one(session, case.round_id)
    assert found is not None  # noqa: S101 - a foreign key
    return CaseOut.model_validate(
        {
            **{
                name: getattr(case, name)
                for name in CaseOut.model_fields
                if name not in {"case_file_id", "outcome", "allowed_actions"}
            },
            "case_file_id": await repository.file_of(session, case.id),
            "outcome": await _outcome(session, case, found),
            "allowed_actions": shown(await _verdicts(session, caller, case, found)),
        }
    )


async def _verdicts(session: AsyncSession, caller: Caller, case: Case, found: CaseRound) -> list[Verdict]:
    verdicts = WORKFLOW.verdicts(case.state, await actor_of(session, caller, case), authors(case, caller))
    seen = []
    for verdict in verdicts:
        refusal = verdict.refusal or await hindrance(session, case, found, verdict.action)
        if refusal is None and verdict.action == "recommend" and missing_parts(texts(case)):
            refusal = INCOMPLETE
        seen.append(Verdict(verdict.action, refusal))
    return seen
