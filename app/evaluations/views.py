"""A self-evaluation as one caller meets it: which content is theirs to read, and what they may do with it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.db import walled_from
from app.core.workflow import Actor, Verdict
from app.evaluations import repository
from app.evaluations.cycles import repository as cycles
from app.evaluations.cycles.rules import SENDING as SENDING_PHASES
from app.evaluations.cycles.rules import SENDING_ENDED
from app.evaluations.rules import INCOMPLETE, SENDING, WORKFLOW, Part, missing_parts
from app.evaluations.schemas import ContentSource, EvaluationOut, EvaluationSummary, SentEvaluation
from app.evaluations.schemes.rules import Scheme, scheme_of
from app.models.evaluations import Evaluation, EvaluationItem, EvaluationState


def reads_working_copy(caller: Caller, evaluation: Evaluation) -> bool:
    """The region's own staff; everybody else who sees it reads what was sent."""
    return evaluation.region_code in caller.regions


async def actor_of(session: AsyncSession, caller: Caller, region_code: str) -> Actor:
    recused = caller.is_league and await walled_from(session, [f"region:{region_code}"])
    return caller.actor(region_code, recused=recused)


async def authors(session: AsyncSession, evaluation: Evaluation, caller: Caller) -> dict[str, UUID | None]:
    """Who did the earlier acts. Towards the office it is enough to have had a hand in any version."""
    if evaluation.state != EvaluationState.SUBMITTED:
        return {"submit": evaluation.submitted_by}
    submitted, signed = await repository.took_part(session, evaluation.id, caller.id)
    return {"submit": caller.id if submitted else None, "sign": caller.id if signed else None}


def parts(scheme: Scheme, items: list[EvaluationItem]) -> list[Part]:
    required = {criterion.code: criterion.value_required for criterion in scheme.criteria}
    return [Part(i.criterion_code, required[i.criterion_code], i.reported_value, i.statement) for i in items]


async def missing(session: AsyncSession, evaluation: Evaluation) -> list[str]:
    scheme = scheme_of((await repository.scheme_of(session, evaluation.cycle_id)).content)
    items = await repository.items(session, evaluation.id)
    return [fault.pointer for fault in missing_parts(parts(scheme, list(items)))]


def summary(evaluation: Evaluation, file_id: UUID | None) -> EvaluationSummary:
    columns = {
        name: getattr(evaluation, name) for name in EvaluationSummary.model_fields if name != "appraisal_file_id"
    }
    return EvaluationSummary.model_validate({**columns, "appraisal_file_id": file_id})


async def show(session: AsyncSession, caller: Caller, evaluation: Evaluation) -> EvaluationOut:
    working = reads_working_copy(caller, evaluation)
    lacking = await missing(session, evaluation) if working else None
    latest = await repository.latest_version(session, evaluation)
    return EvaluationOut(
        id=evaluation.id,
        cycle_id=evaluation.cycle_id,
        region_code=evaluation.region_code,
        assessment_year=evaluation.assessment_year,
        state=EvaluationState(evaluation.state),
        content_source=ContentSource.WORKING if working else ContentSource.VERSION,
        latest=SentEvaluation.model_validate(latest) if latest else None,
        submitted_by=evaluation.submitted_by if working else None,
        submitted_at=evaluation.submitted_at if working else None,
        send_back_reason=evaluation.send_back_reason if working else None,
        missing=lacking,
        appraisal_file_id=await repository.file_of(session, evaluation.id),
        allowed_actions=shown(await _verdicts(session, caller, evaluation, incomplete=bool(lacking))),
        version=evaluation.version,
        created_at=evaluation.created_at,
        updated_at=evaluation.updated_at,
    )


async def _verdicts(
    session: AsyncSession, caller: Caller, evaluation: Evaluation, *, incomplete: bool
) -> list[Verdict]:
    actor = await actor_of(session, caller, evaluation.region_code)
    verdicts = WORKFLOW.verdicts(evaluation.state, actor, await authors(session, evaluation, caller))
    cycle = await cycles.one(session, evaluation.cycle_id)
    ended = cycle is not None and cycle.phase not in SENDING_PHASES
    seen = []
    for verdict in verdicts:
        if verdict.allowed and ended and verdict.action in SENDING:
            seen.append(Verdict(verdict.action, SENDING_ENDED))
        elif verdict.allowed and incomplete and verdict.action == "submit":
            seen.append(Verdict(verdict.action, INCOMPLETE))
        else:
            seen.append(verdict)
    return seen
