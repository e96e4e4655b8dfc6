"""Drafting, changing and moving projects."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from app.attachments import service as attachments
from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.db import Entry, clock_of, ids_of
from app.core.errors import FieldError, InsufficientScope, Invalid
from app.core.jobs import ask
from app.core.workflow import Actor
from app.models.projects import BuildingStage, Membership, Project, ProjectChange, ProjectDecision
from app.projects import content, repository, rules
from app.projects.content import Changes, Values
from app.projects.schemas import AdvanceIn, ProjectIn, ProjectPatch
from app.projects.sources.jobs import look_again

EXAMINE = "recusals.examine_project"
# What another system's row may be known by as the same project.
_IDENTITY = {"name", "national_code", "investment_entity"}
_OUTCOMES = {"admit": "admitted", "decline": "declined", "remove": "removed"}


async def draft(session: AsyncSession, caller: Caller, body: ProjectIn) -> Project:
    """A new draft of the caller's own region. Raises `InsufficientScope` for another one, `Invalid`."""
    if rules.WRITE not in caller.scopes_in(body.region_code) or body.region_code not in caller.regions:
        raise InsufficientScope(rules.WRITE)
    empty: Values = {**dict.fromkeys(content.COLUMNS), "secondary_modes": [], "funding": ()}
    values = {**empty, "building_stage": body.building_stage, **content.stated(body)}
    await check(session, values, Membership.DRAFT)
    columns = {name: value for name, value in values.items() if name != "funding"}
    project = Project(
        id=ids_of(session).dossier(clock_of(session).now()),
        region_code=body.region_code,
        source_system=None,
        membership=Membership.DRAFT,
        **columns,
    )
    session.add(project)
    await session.flush()
    await replace_funding(session, project, values)
    await record_act(session, project, "create", content.differences(None, values))
    return project


async def change(session: AsyncSession, project: Project, body: ProjectPatch) -> Project:
    """Apply what the patch states. What changes nothing leaves no trace and keeps the version."""
    before = content.of(project, await repository.funding(session, project.id))
    after = {**before, **content.stated(body)}
    await check(session, after, project.membership)
    changes = content.differences(before, after)
    if not changes:
        return project
    for name in content.COLUMNS:
        setattr(project, name, after[name])
    # A change of the funding alone is a change of the project, too.
    flag_modified(project, "name")
    await session.flush()
    if "funding" in changes:
        await replace_funding(session, project, after)
    await record_act(session, project, "update", changes)
    if project.membership != Membership.DRAFT and changes.keys() & _IDENTITY:
        await look_again(session, project.id)
    if project.membership == Membership.IN_LIBRARY and "investment_entity" in changes:
        await look_for_recusals(session, project)
    return project


async def move(
    session: AsyncSession, project: Project, action: str, actor: Actor, *, reason: str | None = None
) -> Project:
    """One act of the membership's table; the office's acts are decisions of their own."""
    line = "remove" if action == "leave" and rules.is_removal(actor) else action
    target = rules.LIBRARY.transitions[line].target
    if target in rules.COMPLETE_IN:
        missing = content.missing_facts(content.of(project, ()))
        if missing:
            raise Invalid(*(FieldError(f"/{name}", "required") for name in missing))
    changes = {"membership": {"before": project.membership, "after": str(target)}}
    project.membership = str(target)
    await session.flush()
    if target == Membership.LEFT:
        await repository.withdraw_proposals(session, project.id)
    if target == Membership.PROPOSED:
        await attachments.release(session, "project", project.id)
    if line in _OUTCOMES:
        await record_decision(session, project, _OUTCOMES[line], reason=reason)
    await record_act(session, project, line, changes, reason=reason)
    if target == Membership.IN_LIBRARY:
        await extend_recusals(session, project)
    return project


async def record_decision(
    session: AsyncSession, project: Project, outcome: str, *, reason: str | None, proposal_id: UUID | None = None
) -> None:
    session.add(
        ProjectDecision(
            id=ids_of(session).random(),
            project_id=project.id,
            region_code=project.region_code,
            organisation_id=project.organisation_id,
            outcome=outcome,
            proposal_id=proposal_id,
            reason=reason,
            decided_by=_principal(session).principal,
            decided_at=clock_of(session).now(),
        )
    )
    await session.flush()


async def extend_recusals(session: AsyncSession, project: Project) -> None:
    """Who is recused from the project, or from its investor, is barred from the region whose library now holds it."""
    for recusal in await repository.extend_reach(session, project.id):
        about = Resource("recusal", recusal, region_code=project.region_code, project_id=project.id)
        await record(session, "recusals.reach", about)
    await look_for_recusals(session, project)


async def look_for_recusals(session: AsyncSession, project: Project) -> None:
    """The library names another investor: the worker looks who sits on the region's panels and belongs to it. Asked
    for by the act and not by its event, of which a push leaves one for each row."""
    key = f"{EXAMINE}:{project.id}:{project.version}"
    await ask(session, EXAMINE, key=key, about=resource_of(project), payload={"resource_id": str(project.id)})


async def advance(session: AsyncSession, project: Project, body: AdvanceIn) -> Project:
    """To another building stage; a step back says why."""
    if body.to == project.building_stage:
        raise Invalid(FieldError("/to", "invalid_value"))
    if body.reason is None and rules.stage_needs_reason(project.building_stage, body.to):
        raise Invalid(FieldError("/reason", "required"))
    return await _set_stage(session, project, "advance", body.to, body.reason)


async def suspend(session: AsyncSession, project: Project, reason: str) -> Project:
    """停缓建."""
    return await _set_stage(session, project, "suspend", BuildingStage.SUSPENDED, reason)


async def _set_stage(session: AsyncSession, project: Project, action: str, to: str, reason: str | None) -> Project:
    changes = {"building_stage": {"before": project.building_stage, "after": str(to)}}
    project.building_stage = str(to)
    await session.flush()
    await record_act(session, project, action, changes, reason=reason)
    return project


async def check(session: AsyncSession, values: Mapping[str, Any], membership: str) -> None:
    """Raises `Invalid` with every fault: contradictions, unknown references, a fact that may not go missing."""
    errors = content.inconsistencies(values)
    modes = [mode for mode in (values["primary_mode"], *values["secondary_modes"]) if mode is not None]
    known = await repository.known_modes(session, modes) if modes else set()
    if values["primary_mode"] is not None and values["primary_mode"] not in known:
        errors.append(FieldError("/primary_mode", "unknown_reference"))
    for position, mode in enumerate(values["secondary_modes"]):
        if mode not in known:
            errors.append(FieldError(f"/secondary_modes/{position}", "unknown_reference"))
    sources = [line.source for line in values["funding"]]
    listed = await repository.known_sources(session, sources) if sources else set()
    for position, source in enumerate(sources):
        if source not in listed:
            errors.append(FieldError(f"/funding/{position}/source", "unknown_reference"))
    organisation, area = values["organisation_id"], values["practice_area_id"]
    if organisation is not None and not await repository.organisation_exists(session, organisation):
        errors.append(FieldError("/organisation_id", "unknown_reference"))
    if area is not None and not await repository.practice_area_exists(session, area):
        errors.append(FieldError("/practice_area_id", "unknown_reference"))
    if membership in rules.COMPLETE_IN:
        errors += [FieldError(f"/{name}", "required") for name in content.missing_facts(values)]
    if errors:
        raise Invalid(*errors)


async def replace_funding(session: AsyncSession, project: Project, values: Values) -> None:
    now, ids = clock_of(session).now(), ids_of(session)
    await repository.replace_funding(session, project, [(ids.dossier(now), line) for line in values["funding"]])


async def record_act(
    session: AsyncSession,
    project: Project,
    action: str,
    changes: Changes,
    *,
    reason: str | None = None,
    run: UUID | None = None,
) -> None:
    """History, audit and event of one act."""
    entry, now = _principal(session), clock_of(session).now()
    session.add(
        ProjectChange(
            id=ids_of(session).dossier(now),
            project_id=project.id,
            region_code=project.region_code,
            version=project.version,
            occurred_at=now,
            action=action,
            actor_kind=entry.kind,
            actor_id=entry.principal,
            import_run_id=run,
            reason=reason,
            changes=changes,
        )
    )
    await session.flush()
    await record(session, f"projects.{action}", resource_of(project), changes=changes, reason=reason)


def resource_of(project: Project) -> Resource:
    return Resource(
        "project",
        project.id,
        region_code=project.region_code,
        organisation_id=project.organisation_id,
        project_id=project.id,
    )


def _principal(session: AsyncSession) -> Entry:
    entry: Entry = session.info["entry"]
    return entry
