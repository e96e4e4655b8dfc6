"""Use cases of the region's case (Art. 13). What an act takes is locked and judged by `dependencies`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.attachments import service as attachments
from app.auth.principal import Caller
from app.cases import repository, rules, views
from app.cases.files.service import resource as file_resource
from app.cases.rounds import repository as rounds
from app.cases.rounds.rules import NOT_OPEN
from app.cases.schemas import CaseIn, CasePatch
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import FieldError, Forbidden, Invalid, StateConflict
from app.core.workflow import OUTSIDE_GRANT
from app.models.cases import Case, CaseDecision, CaseFile, CaseFileState, CaseState, RoundPhase
from app.models.projects import Membership
from app.models.reviews import SubjectOfReview
from app.reviews import service as reviews


async def begin(session: AsyncSession, caller: Caller, body: CaseIn) -> Case:
    """Raises `Forbidden` for another's region, `StateConflict` (`round_not_open`), `Invalid` for what is unknown."""
    region = await repository.region(session, body.region_code)
    if "cases:write" not in caller.scopes_in(body.region_code) or body.region_code not in caller.regions:
        if region is None:
            raise Invalid(FieldError("/region_code", "unknown_reference"))
        raise Forbidden(OUTSIDE_GRANT)
    found = await rounds.hold_phase(session, body.round_id)
    if found is None:
        raise Invalid(FieldError("/round_id", "unknown_reference"))
    if found.phase != RoundPhase.OPEN:
        raise StateConflict(NOT_OPEN)
    await _insist_on_references(session, body.region_code, body.model_dump())
    case = Case(
        id=ids_of(session).dossier(clock_of(session).now()),
        **body.model_dump(),
        state=CaseState.DRAFT,
        prepared_by=caller.id,
        edited_by=[],
    )
    session.add(case)
    await session.flush()
    await record(session, "cases.create", resource(case), changes={"after": body.model_dump(mode="json")})
    return case


async def edit(session: AsyncSession, caller: Caller, case: Case, body: CasePatch) -> Case:
    """Raises `Invalid` for a title that is taken away, and for what is unknown."""
    stated = body.model_dump(exclude_unset=True)
    if "title" in stated and stated["title"] is None:
        raise Invalid(FieldError("/title", "required"))
    await _insist_on_references(session, case.region_code, stated)
    before = {name: _plain(getattr(case, name)) for name in stated}
    for name, value in stated.items():
        setattr(case, name, value)
    if stated and caller.id not in {case.prepared_by, *case.edited_by}:
        case.edited_by = [*case.edited_by, caller.id]
    await session.flush()
    after = body.model_dump(mode="json", exclude_unset=True)
    await record(session, "cases.update", resource(case), changes={"before": before, "after": after})
    return case


async def recommend(session: AsyncSession, caller: Caller, case: Case) -> Case:
    """推荐: from here on the league sees it, and its files. Raises `Invalid` with a pointer to each missing text."""
    missing = rules.missing_parts(views.texts(case))
    if missing:
        raise Invalid(*missing)
    case.recommended_by, case.recommended_at = caller.id, clock_of(session).now()
    sent = await attachments.release(session, "case", case.id)
    return await _move(session, case, CaseState.RECOMMENDED, "cases.recommend", noted={"attachments": sent})


async def send_back(session: AsyncSession, caller: Caller, case: Case, remarks: str) -> Case:
    """退回修改, by the office."""
    await _move(session, case, CaseState.RETURNED, "cases.return", reason=remarks)
    session.add(
        CaseDecision(
            id=ids_of(session).random(),
            case_id=case.id,
            region_code=case.region_code,
            outcome="returned",
            note=remarks,
            decided_by=caller.id,
            # One moment: what is changed later was changed since.
            decided_at=case.updated_at,
        )
    )
    await session.flush()
    return case


async def start_review(session: AsyncSession, case: Case) -> CaseFile:
    """Opens the file of the judgement, and the panel on the case as it is now. The case itself does not move: its
    region does not learn of it.
    """
    found = await rounds.one(session, case.round_id)
    region = await repository.region(session, case.region_code)
    mode = await repository.mode(session, case.mode_code) if case.mode_code else None
    assert found is not None and region is not None  # noqa: S101, PT018 - foreign keys
    file = CaseFile(
        id=ids_of(session).random(),
        case_id=case.id,
        round_id=case.round_id,
        region_code=case.region_code,
        state=CaseFileState.UNDER_REVIEW,
        stale=False,
        blocked_quorum=False,
        under_correction=False,
    )
    session.add(file)
    await session.flush()
    told: Mapping[str, Any] = {
        "title": case.title,
        "region_code": case.region_code,
        "region_name": region.name_zh,
        "year": found.year,
        "mode_code": case.mode_code,
        "mode_name": mode.name_zh if mode else None,
        **views.texts(case),
    }
    await reviews.open_panel(
        session,
        kind=SubjectOfReview.CASE,
        subject_id=case.id,
        occasion_id=found.id,
        region_code=case.region_code,
        case_id=case.id,
        year=found.year,
        criteria=found.criteria,
        seats=found.seats,
        reserves=found.reserves,
        quorum=found.quorum,
        content=rules.freeze(told, await repository.released(session, case.id)),
    )
    await record(session, "case_files.open", file_resource(file))
    return file


async def _insist_on_references(session: AsyncSession, region_code: str, stated: Mapping[str, Any]) -> None:
    faults = []
    if stated.get("mode_code") and await repository.mode(session, stated["mode_code"]) is None:
        faults.append(FieldError("/mode_code", "unknown_reference"))
    if stated.get("project_id"):
        project = await repository.project(session, stated["project_id"])
        if project is None or project.region_code != region_code:
            faults.append(FieldError("/project_id", "unknown_reference"))
        elif project.membership != Membership.IN_LIBRARY:
            # A recusal from a member of the library, or from its investor, is one from the region, too.
            faults.append(FieldError("/project_id", "invalid_choice"))
    if faults:
        raise Invalid(*faults)


async def _move(
    session: AsyncSession,
    case: Case,
    target: CaseState,
    action: str,
    *,
    noted: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Case:
    before, case.state = case.state, target
    await session.flush()
    changes = {"state": {"before": before, "after": target}, **(noted or {})}
    await record(session, action, resource(case), changes=changes, reason=reason)
    return case


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def resource(case: Case) -> Resource:
    return Resource("case", case.id, region_code=case.region_code, project_id=case.project_id, case_id=case.id)
