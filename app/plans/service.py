"""Use cases of the yearly plan (Art. 3). The plan that an act takes is locked and judged by `dependencies`."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from app.attachments import service as attachments
from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.canonical import digest
from app.core.clock import league_date
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, FieldError, Forbidden, Invalid, Reason
from app.core.workflow import OUTSIDE_GRANT
from app.models.plans import Plan, PlanDraft, PlanFiling, PlanState, PlanVersion
from app.plans import repository, rules
from app.plans.items import repository as items
from app.plans.schemas import PlanIn, PlanPatch, PlanReturnIn, SignatureIn

CONSTRAINT_REASONS["uq_plans_region_code_year"] = Reason(
    "plan_exists", "该地区该年度的计划已存在", "The region has a plan for this year"
)


async def create(session: AsyncSession, caller: Caller, body: PlanIn) -> Plan:
    """Raises `Invalid` for an unknown region, `Forbidden` for another's, `Conflict` (`plan_exists`)."""
    if "plans:write" not in caller.scopes_in(body.region_code):
        if not await repository.region_exists(session, body.region_code):
            raise Invalid(FieldError("/region_code", "unknown_reference"))
        raise Forbidden(OUTSIDE_GRANT)
    plan = Plan(
        id=ids_of(session).dossier(clock_of(session).now()),
        region_code=body.region_code,
        year=body.year,
        state=PlanState.DRAFT,
    )
    session.add(plan)
    await session.flush()
    texts = body.model_dump(include=set(rules.TEXTS))
    session.add(PlanDraft(plan_id=plan.id, region_code=plan.region_code, **texts))
    await session.flush()
    await record(session, "plans.create", _resource(plan), changes={"after": body.model_dump(mode="json")})
    return plan


async def edit(session: AsyncSession, plan: Plan, body: PlanPatch) -> Plan:
    """Change the working copy's texts. The plan's version rises with them, though they stand in another row."""
    draft = await repository.draft(session, plan.id)
    stated = body.model_dump(exclude_unset=True)
    changed = {name: value for name, value in stated.items() if getattr(draft, name) != value}
    if not changed:
        return plan
    fields = {name: {"before": getattr(draft, name), "after": value} for name, value in changed.items()}
    for name, value in changed.items():
        setattr(draft, name, value)
    flag_modified(plan, "updated_at")
    await session.flush()
    await record(session, "plans.update", _resource(plan), changes={"fields": fields})
    return plan


async def submit(session: AsyncSession, caller: Caller, plan: Plan) -> Plan:
    """送审: the working copy is frozen from here on. Raises `Invalid` with a pointer to each part that is missing."""
    draft = await repository.draft(session, plan.id)
    missing = rules.missing_parts(draft.resource_assessment, await items.filled(session, plan.id))
    if missing:
        raise Invalid(*missing)
    draft.send_back_reason = None
    plan.submitted_by, plan.submitted_at = caller.id, clock_of(session).now()
    return await _move(session, plan, "submit")


async def send_back(session: AsyncSession, plan: Plan, reason: str) -> Plan:
    """退回修改, inside the region: to the editable state that it came from."""
    answered = await repository.outcome(session, plan.id, plan.latest_version) if plan.latest_version else None
    draft = await repository.draft(session, plan.id)
    draft.send_back_reason = reason
    plan.submitted_by = plan.submitted_at = None
    return await _move(session, plan, "send-back", to=rules.origin(plan.latest_version, answered), reason=reason)


async def sign(session: AsyncSession, caller: Caller, plan: Plan, body: SignatureIn) -> Plan:
    """签发: freezes a version, which the office gets with its files. The working copy is as it was submitted."""
    draft = await repository.draft(session, plan.id)
    content = rules.freeze(
        region_code=plan.region_code,
        year=plan.year,
        resource_assessment=draft.resource_assessment,
        overview=draft.overview,
        items=await items.contents(session, plan.id),
    )
    version = PlanVersion(
        plan_id=plan.id,
        number=(plan.latest_version or 0) + 1,
        region_code=plan.region_code,
        content=content,
        content_hash=digest(content),
        submitted_by=plan.submitted_by,
        signed_by=caller.id,
        signed_at=clock_of(session).now(),
        document_number=body.document_number,
        document_date=body.document_date,
        amendment_reason=draft.amendment_reason,
    )
    session.add(version)
    plan.latest_version = version.number
    noted = {
        "number": version.number,
        "content_hash": version.content_hash,
        "attachments": await attachments.release(session, "plan", plan.id),
        **body.model_dump(mode="json"),
    }
    return await _move(session, plan, "sign", noted=noted)


async def file(session: AsyncSession, caller: Caller, plan: Plan) -> Plan:
    """备案: the office records the filing under the next number of the year; it does not approve the content."""
    filing = _answer(session, caller, plan, outcome="filed")
    year = league_date(filing.decided_at).year
    filing.filing_number = rules.filing_number(year, await repository.next_serial(session, year))
    session.add(filing)
    noted = {"version": filing.version_number, "filing_number": filing.filing_number}
    return await _move(session, plan, "file", noted=noted)


async def send_for_completion(session: AsyncSession, caller: Caller, plan: Plan, body: PlanReturnIn) -> Plan:
    """退回补正. Raises `Invalid` for a remark on an item that the version does not hold."""
    version = await repository.latest_version(session, plan)
    assert version is not None  # noqa: S101 - a submitted plan has one
    remarks = body.model_dump(mode="json")["remarks"]
    faults = rules.remark_faults(version.content, [(remark["section"], remark["item_id"]) for remark in remarks])
    if faults:
        raise Invalid(*faults)
    session.add(_answer(session, caller, plan, outcome="returned", note=body.note, remarks=remarks))
    return await _move(session, plan, "return", noted={"version": version.number, "remarks": remarks})


async def amend(session: AsyncSession, plan: Plan, reason: str) -> Plan:
    """调整: the filed plan may be changed and sent again; it stays filed as it was until the next filing."""
    draft = await repository.draft(session, plan.id)
    draft.amendment_reason = reason
    return await _move(session, plan, "amend", reason=reason)


def _answer(
    session: AsyncSession,
    caller: Caller,
    plan: Plan,
    *,
    outcome: str,
    note: str | None = None,
    remarks: list[dict[str, Any]] | None = None,
) -> PlanFiling:
    return PlanFiling(
        id=ids_of(session).random(),
        plan_id=plan.id,
        region_code=plan.region_code,
        version_number=plan.latest_version,
        outcome=outcome,
        filing_number=None,
        decided_by=caller.id,
        decided_at=clock_of(session).now(),
        note=note,
        remarks=remarks or [],
    )


async def _move(
    session: AsyncSession,
    plan: Plan,
    action: str,
    *,
    to: PlanState | None = None,
    noted: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Plan:
    """Along the table, with its trace."""
    before, target = plan.state, to or rules.WORKFLOW.transitions[action].target
    assert target is not None  # noqa: S101 - `send-back` alone has none in the table, and states it
    plan.state = target
    await session.flush()
    changes = {"state": {"before": before, "after": target}, **(noted or {})}
    await record(session, f"plans.{action.replace('-', '_')}", _resource(plan), changes=changes, reason=reason)
    return plan


def _resource(plan: Plan) -> Resource:
    return Resource("plan", plan.id, region_code=plan.region_code)
