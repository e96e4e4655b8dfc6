"""A file as the unwalled side of the league meets it."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.workflow import Actor, Side, Verdict
from app.evaluations import repository as evaluations
from app.evaluations.files import repository
from app.evaluations.files.rules import RESULT_STANDS, WORKFLOW, Gates
from app.evaluations.files.schemas import (
    AppraisalFileOut,
    AppraisalFileSummary,
    AppraisalResultOut,
    ExplanationOut,
    PanelOf,
)
from app.evaluations.schemes.rules import scheme_of
from app.models.evaluations import AppraisalFile, ResultVersion
from app.models.reviews import Panel
from app.reviews.rules import PanelState


def actor_of(caller: Caller, file: AppraisalFile) -> Actor:
    """Who meets the file at all is on the league's side and not recused: the row policies said so."""
    return Actor(caller.id, caller.scopes_in(file.region_code), frozenset({Side.LEAGUE}), recused=False)


async def authors(session: AsyncSession, file: AppraisalFile, caller: Caller) -> dict[str, UUID | None]:
    submitted, signed = await evaluations.took_part(session, file.evaluation_id, caller.id)
    return {
        "submit": caller.id if submitted else None,
        "sign": caller.id if signed else None,
        "appraise": file.appraised_by,
        "review": caller.id if await repository.sits_on(session, file.evaluation_id, caller.id) else None,
    }


async def panel_of(session: AsyncSession, file: AppraisalFile) -> Panel:
    panel = await repository.panel(session, file.evaluation_id)
    assert panel is not None  # noqa: S101 - opened with the file, and walled alike
    return panel


async def gates(session: AsyncSession, file: AppraisalFile, panel: Panel) -> Gates:
    return Gates(
        stale=file.stale,
        blocked_quorum=file.blocked_quorum or panel.state == PanelState.BLOCKED_QUORUM,
        panel_complete=panel.state == PanelState.COMPLETE,
        application_pending=await repository.application_pending(session, file.region_code),
    )


async def show(session: AsyncSession, caller: Caller, file: AppraisalFile) -> AppraisalFileOut:
    panel = await panel_of(session, file)
    result = await repository.result(session, file) if file.state in RESULT_STANDS else None
    verdicts = WORKFLOW.verdicts(file.state, actor_of(caller, file), await authors(session, file, caller))
    held_up = (await gates(session, file, panel)).refusal
    return AppraisalFileOut(
        **AppraisalFileSummary.model_validate(file).model_dump(),
        panel=PanelOf.model_validate(panel),
        appraisal_score=file.appraisal_score,
        appraisal_reason=file.appraisal_reason,
        appraised_by=file.appraised_by,
        approved_by=file.approved_by,
        result=_result(result) if result else None,
        allowed_actions=shown([Verdict(v.action, held_up) if v.allowed and held_up else v for v in verdicts]),
        created_at=file.created_at,
    )


def _result(result: ResultVersion) -> AppraisalResultOut:
    return AppraisalResultOut(
        total=format(result.total, "f"),
        grade=result.grade,
        grade_name=_grade_name(result.explanation),
        explanation_sha256=result.explanation_sha256,
    )


def explained(content: dict[str, Any]) -> ExplanationOut:
    return ExplanationOut.model_validate({**content, "grade_name": _grade_name(content)})


def _grade_name(explanation: dict[str, Any]) -> str:
    """As the method that the result was computed by names its bands."""
    bands = {band.code: band.name_zh for band in scheme_of(explanation["scheme"]).bands}
    return bands[explanation["grade"]]
