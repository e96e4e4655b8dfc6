"""Deciding on what waits: one act for many items, all of them or none."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from app.auth.principal import Caller
from app.core.actions import insist
from app.core.errors import FieldError, Invalid
from app.core.workflow import WRONG_STATE
from app.models.projects import Project, ProjectProposal
from app.projects import content, repository, rules, service
from app.projects.admission import repository as waiting
from app.projects.admission.schemas import Decided, QueueDecision, QueueItem, QueueKind
from app.projects.admission.schemas import Verdict as Outcome
from app.projects.content import Values
from app.projects.schemas import Change
from app.projects.standing import actor_over


async def shown(session: AsyncSession, rows: Sequence[Row[Any]]) -> list[QueueItem]:
    """A page of the queue with its differences: four statements, whatever the rows."""
    projects = await repository.some(session, [row.project_id for row in rows])
    funding = await repository.funding_of(session, list(projects))
    after = await waiting.after_of(session, [row.proposal_id for row in rows if row.proposal_id is not None])
    items = []
    for row in rows:
        values = content.of(projects[row.project_id], funding.get(row.project_id, []))
        if row.kind == QueueKind.NEW:
            changes = content.differences(None, values)
        else:
            now = content.public(values)
            proposed = after[row.proposal_id]
            changes = {
                name: {"before": now[name], "after": value} for name, value in proposed.items() if now[name] != value
            }
        told = {name: row._mapping[name] for name in QueueItem.model_fields if name != "changes"}
        items.append(
            QueueItem(**told, changes={name: Change.model_validate(change) for name, change in changes.items()})
        )
    return items


async def decide(session: AsyncSession, caller: Caller, decisions: Sequence[QueueDecision]) -> Decided:
    """Raises `Forbidden`, `Recused`, `FourEyes`, and `Invalid` with a pointer to each decision that cannot be done."""
    ids = [decision.project_id for decision in decisions]
    seen = await repository.some(session, ids)
    # Authority before the lock: the walls' update policy hides the row from FOR UPDATE.
    actors = {project.id: await actor_over(session, caller, project) for project in seen.values()}
    for project_id, actor in actors.items():
        verdict = rules.judge("admit", seen[project_id].membership, seen[project_id].building_stage, actor, None)
        if verdict.refusal != WRONG_STATE:
            insist(verdict, rules.ADMIT)
    projects = await repository.some(session, ids, lock=True)
    proposals = await waiting.pending(session, [d.proposal_id for d in decisions if d.proposal_id is not None])
    faults = _faults(decisions, projects, proposals)
    if faults:
        raise Invalid(*faults)
    for number, decision in enumerate(decisions):
        project, actor = projects[decision.project_id], actors[decision.project_id]
        accepts = decision.outcome is Outcome.ACCEPT
        if decision.proposal_id is None:
            action = "admit" if accepts else "decline"
            proposer = await repository.proposer(session, project.id)
            insist(rules.judge(action, project.membership, project.building_stage, actor, proposer), rules.ADMIT)
            await _placed(number, service.move(session, project, action, actor, reason=decision.reason))
        else:
            proposal = proposals[decision.proposal_id]
            insist(rules.judge_change(actor, proposal.proposed_by), rules.ADMIT)
            await _placed(number, _settle(session, project, proposal, accepts=accepts, reason=decision.reason))
    accepted = sum(decision.outcome is Outcome.ACCEPT for decision in decisions)
    return Decided(accepted=accepted, declined=len(decisions) - accepted)


def _faults(
    decisions: Sequence[QueueDecision], projects: dict[UUID, Project], proposals: dict[UUID, ProjectProposal]
) -> list[FieldError]:
    faults, met = [], set[tuple[UUID, UUID | None]]()
    for number, decision in enumerate(decisions):
        place = f"/decisions/{number}"
        project = projects.get(decision.project_id)
        proposal = proposals.get(decision.proposal_id) if decision.proposal_id is not None else None
        if (decision.project_id, decision.proposal_id) in met:
            faults.append(FieldError(place, "duplicate"))
        elif project is None:
            faults.append(FieldError(f"{place}/project_id", "unknown_reference"))
        elif decision.proposal_id is not None and (proposal is None or proposal.project_id != project.id):
            faults.append(FieldError(f"{place}/proposal_id", "unknown_reference"))
        elif decision.proposal_id is None and project.membership != "proposed":
            faults.append(FieldError(f"{place}/project_id", "wrong_state"))
        elif decision.version != project.version + (proposal.version if proposal is not None else 0):
            faults.append(FieldError(f"{place}/version", "stale_version"))
        met.add((decision.project_id, decision.proposal_id))
    return faults


async def _placed(number: int, act: Any) -> None:
    """What is wrong with one item points to it."""
    try:
        await act
    except Invalid as refused:
        placed = (FieldError(f"/decisions/{number}", error.code) for error in refused.errors)
        raise Invalid(*dict.fromkeys(placed)) from refused


async def _settle(
    session: AsyncSession, project: Project, proposal: ProjectProposal, *, accepts: bool, reason: str | None
) -> None:
    proposal.state = "accepted" if accepts else "declined"
    await session.flush()
    if accepts:
        await _accept(session, project, proposal, reason)
    await service.record_decision(
        session, project, "change_accepted" if accepts else "change_declined", reason=reason, proposal_id=proposal.id
    )
    if not accepts:
        await service.record_act(session, project, "decline-change", {}, reason=reason)


async def _accept(session: AsyncSession, project: Project, proposal: ProjectProposal, reason: str | None) -> None:
    """The members that it would change, and no others, are as it says."""
    before = content.of(project, await repository.funding(session, project.id))
    after: Values = {**before, **content.from_public(proposal.after)}
    await service.check(session, after, project.membership)
    changes = content.differences(before, after)
    for name in content.COLUMNS:
        setattr(project, name, after[name])
    # Of a change of the funding alone the row itself knows nothing.
    flag_modified(project, "name")
    await session.flush()
    if "funding" in changes:
        await service.replace_funding(session, project, after)
    await service.record_act(session, project, "accept-change", changes, reason=reason, run=proposal.import_run_id)
    if "investment_entity" in changes:
        await service.extend_recusals(session, project)
