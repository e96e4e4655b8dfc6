"""Use cases of the self-evaluation (Art. 9). What an act takes is locked and judged by `dependencies`."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.attachments import service as attachments
from app.attachments.rules import OwnerKind
from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.canonical import digest
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, FieldError, Forbidden, Invalid, Reason, StateConflict
from app.core.workflow import OUTSIDE_GRANT
from app.evaluations import prefill, repository, rules, views
from app.evaluations.cycles import repository as cycles
from app.evaluations.cycles.rules import NOT_OPEN
from app.evaluations.items.schemas import EvaluationItemContent
from app.evaluations.schemas import EvaluationIn, EvaluationReturnIn
from app.evaluations.schemes.rules import for_panel, scheme_of
from app.models.evaluations import (
    AppraisalFile,
    CyclePhase,
    Evaluation,
    EvaluationDecision,
    EvaluationItem,
    EvaluationState,
    EvaluationVersion,
    FileState,
)
from app.models.reviews import SubjectOfReview
from app.reviews import service as reviews

CONSTRAINT_REASONS["uq_evaluations_cycle_id_region_code"] = Reason(
    "evaluation_exists", "该地区本年度的自评估已存在", "The region has a self-evaluation in this cycle"
)


async def begin(session: AsyncSession, caller: Caller, body: EvaluationIn) -> Evaluation:
    """Raises `Forbidden` for another's region, `StateConflict` (`cycle_not_open`), `Invalid` for what is unknown or
    not assessed, `Conflict` (`evaluation_exists`)."""
    if "evaluations:write" not in caller.scopes_in(body.region_code):
        if await repository.region(session, body.region_code) is None:
            raise Invalid(FieldError("/region_code", "unknown_reference"))
        raise Forbidden(OUTSIDE_GRANT)
    cycle = await cycles.hold_phase(session, body.cycle_id)
    if cycle is None:
        raise Invalid(FieldError("/cycle_id", "unknown_reference"))
    if cycle.phase != CyclePhase.OPEN:
        raise StateConflict(NOT_OPEN)
    region = await repository.region(session, body.region_code)
    if region is None or not region.assessed:
        raise Invalid(FieldError("/region_code", "invalid_choice"))
    now = clock_of(session).now()
    evaluation = Evaluation(
        id=ids_of(session).dossier(now),
        cycle_id=cycle.id,
        region_code=region.code,
        assessment_year=cycle.assessment_year,
        state=EvaluationState.DRAFT,
    )
    session.add(evaluation)
    await session.flush()
    await _prefill(session, evaluation)
    after = {**body.model_dump(mode="json"), "assessment_year": evaluation.assessment_year}
    await record(session, "evaluations.create", resource(evaluation), changes={"after": after})
    return evaluation


async def _prefill(session: AsyncSession, evaluation: Evaluation) -> None:
    now = clock_of(session).now()
    scheme = scheme_of((await repository.scheme_of(session, evaluation.cycle_id)).content)
    known = await prefill.known(session, evaluation.region_code, evaluation.assessment_year, now)
    session.add_all(
        EvaluationItem(
            id=ids_of(session).dossier(now),
            evaluation_id=evaluation.id,
            region_code=evaluation.region_code,
            criterion_code=criterion.code,
            position=position,
            prefilled={"sources": known.sources(criterion)},
            reported_value=None,
            statement=None,
            evidence=[],
        )
        for position, criterion in enumerate(scheme.criteria, start=1)
    )
    await session.flush()


async def submit(session: AsyncSession, caller: Caller, evaluation: Evaluation) -> Evaluation:
    """送审. Raises `Invalid` with a pointer to each part that is missing, and to files that were taken away since."""
    faults = [FieldError(pointer, "required") for pointer in await views.missing(session, evaluation)]
    faults += await _files_gone(session, evaluation)
    if faults:
        raise Invalid(*faults)
    evaluation.send_back_reason = None
    evaluation.submitted_by, evaluation.submitted_at = caller.id, clock_of(session).now()
    return await _move(session, evaluation, "submit")


async def _files_gone(session: AsyncSession, evaluation: Evaluation) -> list[FieldError]:
    named = {
        f"/items/{item.criterion_code}/evidence/{index}/attachment_id": UUID(proof["attachment_id"])
        for item in await repository.items(session, evaluation.id)
        for index, proof in enumerate(item.evidence)
        if proof["attachment_id"]
    }
    known = await repository.attached(session, evaluation.id, set(named.values())) if named else set()
    return [FieldError(pointer, "unknown_reference") for pointer, file in named.items() if file not in known]


async def send_back(session: AsyncSession, evaluation: Evaluation, reason: str) -> Evaluation:
    """退回修改, inside the region: to the editable state that it came from."""
    evaluation.send_back_reason = reason
    evaluation.submitted_by = evaluation.submitted_at = None
    target = rules.origin(evaluation.latest_version)
    return await _move(session, evaluation, "send-back", to=target, reason=reason)


async def sign(session: AsyncSession, caller: Caller, evaluation: Evaluation) -> Evaluation:
    """签发: freezes a version, which the office gets, and releases the files that it names."""
    now = clock_of(session).now()
    region = await repository.region(session, evaluation.region_code)
    scheme = await repository.scheme_of(session, evaluation.cycle_id)
    assert region is not None  # noqa: S101 - a foreign key
    items = [EvaluationItemContent.model_validate(item) for item in await repository.items(session, evaluation.id)]
    content = rules.freeze(
        region_code=region.code,
        region_name=region.name_zh,
        assessment_year=evaluation.assessment_year,
        scheme_sha256=scheme.content_sha256,
        items=[item.model_dump(mode="json") for item in items],
    )
    version = EvaluationVersion(
        evaluation_id=evaluation.id,
        number=(evaluation.latest_version or 0) + 1,
        region_code=evaluation.region_code,
        content=content,
        content_sha256=digest(content),
        submitted_by=evaluation.submitted_by,
        signed_by=caller.id,
        signed_at=now,
    )
    session.add(version)
    evaluation.latest_version = version.number
    files = await attachments.release(session, OwnerKind.EVALUATION, evaluation.id)
    noted = {"number": version.number, "content_sha256": version.content_sha256, "files": files}
    return await _move(session, evaluation, "sign", noted=noted)


async def accept(session: AsyncSession, caller: Caller, evaluation: Evaluation) -> Evaluation:
    """受理: opens the file of the judgement, and the panel that is to review the version as it was signed."""
    version = await _sent(session, evaluation)
    cycle = await cycles.one(session, evaluation.cycle_id)
    assert cycle is not None  # noqa: S101 - a foreign key
    scheme = scheme_of((await repository.scheme_of(session, cycle.id)).content)
    session.add(_decision(session, caller, evaluation, "accepted"))
    await _move(session, evaluation, "accept", noted={"version": version.number})
    session.add(
        AppraisalFile(
            id=ids_of(session).random(),
            evaluation_id=evaluation.id,
            cycle_id=cycle.id,
            region_code=evaluation.region_code,
            state=FileState.UNDER_REVIEW,
            stale=False,
            blocked_quorum=False,
            under_correction=False,
        )
    )
    await session.flush()
    await reviews.open_panel(
        session,
        kind=SubjectOfReview.EVALUATION,
        subject_id=evaluation.id,
        occasion_id=cycle.id,
        region_code=evaluation.region_code,
        case_id=None,
        year=cycle.submission_year,
        criteria=for_panel(scheme),
        seats=scheme.seats,
        reserves=scheme.reserves,
        quorum=scheme.quorum,
        content=version.content,
    )
    return evaluation


async def send_for_completion(
    session: AsyncSession, caller: Caller, evaluation: Evaluation, body: EvaluationReturnIn
) -> Evaluation:
    """退回补正. Raises `Invalid` for a remark on an item that the version does not hold."""
    version = await _sent(session, evaluation)
    remarks = body.model_dump(mode="json")["remarks"]
    faults = rules.remark_faults(version.content["items"], [remark["item_id"] for remark in remarks])
    if faults:
        raise Invalid(*faults)
    session.add(_decision(session, caller, evaluation, "returned", note=body.note, remarks=remarks))
    return await _move(session, evaluation, "return", noted={"version": version.number, "remarks": remarks})


async def _sent(session: AsyncSession, evaluation: Evaluation) -> EvaluationVersion:
    version = await repository.latest_version(session, evaluation)
    assert version is not None  # noqa: S101 - a submitted self-evaluation has one
    return version


def _decision(
    session: AsyncSession,
    caller: Caller,
    evaluation: Evaluation,
    outcome: str,
    *,
    note: str | None = None,
    remarks: list[dict[str, Any]] | None = None,
) -> EvaluationDecision:
    decision_id: UUID = ids_of(session).random()
    return EvaluationDecision(
        id=decision_id,
        evaluation_id=evaluation.id,
        region_code=evaluation.region_code,
        version_number=evaluation.latest_version,
        outcome=outcome,
        note=note,
        remarks=remarks or [],
        decided_by=caller.id,
        decided_at=clock_of(session).now(),
    )


async def _move(
    session: AsyncSession,
    evaluation: Evaluation,
    action: str,
    *,
    to: EvaluationState | None = None,
    noted: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Evaluation:
    """Along the table, with its trace."""
    before, target = evaluation.state, to or rules.WORKFLOW.transitions[action].target
    assert target is not None  # noqa: S101 - `send-back` alone has none in the table, and states it
    evaluation.state = target
    await session.flush()
    changes = {"state": {"before": before, "after": target}, **(noted or {})}
    await record(
        session, f"evaluations.{action.replace('-', '_')}", resource(evaluation), changes=changes, reason=reason
    )
    return evaluation


def resource(evaluation: Evaluation) -> Resource:
    return Resource("evaluation", evaluation.id, region_code=evaluation.region_code)
