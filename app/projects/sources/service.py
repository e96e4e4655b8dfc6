"""Deciding on pairs, changing who owns what, and showing what each source says."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown as shown_actions
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of, walled_from
from app.core.errors import FieldError, Forbidden, Invalid, Recused, StateConflict
from app.core.workflow import IS_RECUSED, OUTSIDE_GRANT, Actor
from app.models.projects import Membership, Project
from app.models.sources import FieldOwnership, ProjectMatch, ProjectMatchDecision
from app.projects import content, service
from app.projects import repository as library
from app.projects.schemas import ExternalId
from app.projects.sources import jobs, repository, rules
from app.projects.sources.schemas import (
    LastWriter,
    MatchDecisionOut,
    MatchOut,
    MatchSide,
    OwnershipIn,
    OwnershipOut,
    OwnershipRule,
    ProjectSources,
    SameIn,
    SourceVersion,
    TwoValues,
    WithheldWord,
)
from app.projects.standing import actor_over


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair with both sides, and who acts on it."""

    match: ProjectMatch
    project: Project
    other: Project
    actor: Actor

    @property
    def version(self) -> int:
        return self.match.version + self.project.version + self.other.version


async def shown(session: AsyncSession, caller: Caller, found: Sequence[ProjectMatch]) -> list[MatchOut]:
    """Pairs with both sides and their differences: a fixed number of statements, whatever the pairs."""
    ids = [key for match in found for key in (match.project_id, match.other_project_id)]
    projects = await library.some(session, ids)
    funding = await library.funding_of(session, ids)
    known = await repository.external_ids(session, ids)
    proposers = await repository.proposers(session, ids)
    decisions = await repository.last_decisions(session, [match.id for match in found])
    walls = await repository.walled(session) if caller.is_league else set()
    items = []
    for match in found:
        project, other = projects[match.project_id], projects[match.other_project_id]
        one, two = (
            caller.actor(side.region_code, recused=bool(walls & _subjects(side)), organisation_id=side.organisation_id)
            for side in (project, other)
        )
        pair = Pair(match, project, other, rules.over_both(one, two))
        said = [content.public(content.of(side, funding.get(side.id, []))) for side in (project, other)]
        decision = decisions.get(match.id)
        by = (proposers.get(project.id), proposers.get(other.id))
        items.append(
            MatchOut(
                **{name: getattr(match, name) for name in ("id", "state", "basis", "found_at", "import_run_id")},
                kept_project_id=match.kept_project_id,
                project=_side(project, known.get(project.id, [])),
                other=_side(other, known.get(other.id, [])),
                differences={
                    name: TwoValues(project=said[0][name], other=said[1][name])
                    for name in said[0]
                    if said[0][name] != said[1][name]
                },
                last_decision=MatchDecisionOut.model_validate(decision) if decision is not None else None,
                allowed_actions=shown_actions(rules.verdicts(match.state, pair.actor, by)),
                version=pair.version,
            )
        )
    return items


async def same(session: AsyncSession, pair: Pair, body: SameIn) -> None:
    """They are one: the other one leaves the library, or its admission, and stays as its source's version."""
    kept, other = pair.project, pair.other
    if body.kept_project_id == other.id:
        kept, other = other, kept
    elif body.kept_project_id != kept.id:
        raise Invalid(FieldError("/kept_project_id", "unknown_reference"))
    if kept.same_as is not None or other.same_as is not None:
        raise StateConflict(rules.IS_A_VERSION)
    if await repository.has_versions(session, other.id):
        raise StateConflict(rules.HAS_VERSIONS)
    moved_from = other.membership if other.membership in {Membership.PROPOSED, Membership.IN_LIBRARY} else None
    other.same_as = kept.id
    # What its source would have changed of the member is no longer for the office: the next push changes the version.
    await repository.withdraw_proposals(session, other.id)
    if other.membership == Membership.IN_LIBRARY:
        await service.move(session, other, "leave", pair.actor, reason=body.reason)
    elif other.membership == Membership.PROPOSED:
        await service.move(session, other, "decline", pair.actor, reason=body.reason)
    else:
        await session.flush()
    # To its own source it is told that it is another's version, and not whose.
    await service.record_act(session, other, "same-as", {}, reason=body.reason)
    pair.match.kept_project_id = kept.id
    await _decide(session, pair, "same", body.reason, kept=kept.id, moved_from=moved_from)


async def distinct(session: AsyncSession, pair: Pair, reason: str) -> None:
    """They are two. Nothing of either changes; by the same ground it is not asked again."""
    await _decide(session, pair, "distinct", reason)


async def reopen(session: AsyncSession, pair: Pair, reason: str) -> None:
    """What was decided is open again. A version that had been proposed or a member is proposed again."""
    if pair.match.state == "same":
        other = pair.other if pair.match.kept_project_id == pair.project.id else pair.project
        last = (await repository.last_decisions(session, [pair.match.id]))[pair.match.id]
        complete = not content.missing_facts(content.of(other, ()))
        changes: content.Changes = {}
        other.same_as = None
        if last.moved_from is not None and other.membership in {Membership.LEFT, Membership.DECLINED} and complete:
            changes = {"membership": {"before": other.membership, "after": Membership.PROPOSED.value}}
            other.membership = Membership.PROPOSED
        await session.flush()
        await service.record_act(session, other, "separate", changes, reason=reason)
    pair.match.kept_project_id = None
    await _decide(session, pair, "reopened", reason)


async def _decide(
    session: AsyncSession,
    pair: Pair,
    outcome: str,
    reason: str,
    *,
    kept: UUID | None = None,
    moved_from: str | None = None,
) -> None:
    match, project, other = pair.match, pair.project, pair.other
    before = match.state
    match.state = "open" if outcome == "reopened" else outcome
    caller = session.info["entry"].principal
    session.add(
        ProjectMatchDecision(
            id=ids_of(session).random(),
            match_id=match.id,
            project_id=project.id,
            region_code=project.region_code,
            organisation_id=project.organisation_id,
            other_project_id=other.id,
            other_region_code=other.region_code,
            other_organisation_id=other.organisation_id,
            outcome=outcome,
            kept_project_id=kept,
            moved_from=moved_from,
            reason=reason,
            decided_by=caller,
            decided_at=clock_of(session).now(),
        )
    )
    await session.flush()
    changes = {"state": {"before": before, "after": match.state}}
    action = f"project_matches.{'reopen' if outcome == 'reopened' else outcome}"
    # An entry for each of the two, under its own subjects, and no event: a pair is not for those who pushed it.
    for side in (project, other):
        about = Resource("project_match", match.id, side.region_code, side.organisation_id, side.id)
        await record(session, action, about, changes=changes, reason=reason, event=False)
    await jobs.look_again(session, project.id, other.id)


def table(found: FieldOwnership | None) -> OwnershipOut:
    if found is None:
        return OwnershipOut(rules=[], version=1, reason=None, decided_by=None, decided_at=None)
    rows = [OwnershipRule.model_validate(rule) for rule in found.rules]
    return OwnershipOut(
        rules=rows,
        version=found.version,
        reason=found.reason,
        decided_by=found.decided_by,
        decided_at=found.decided_at,
    )


async def replace_ownership(
    session: AsyncSession, caller: Caller, now: OwnershipOut, body: OwnershipIn
) -> OwnershipOut:
    """Raises `Forbidden` or `Recused` for a region that is the caller's own, or from which the caller is recused."""
    changed = {_key(rule) for rule in now.rules} ^ {_key(rule) for rule in body.rules}
    if not changed:
        return now
    regions = {region for _, _, region in changed if region is not None}
    if regions & caller.regions:
        raise Forbidden(OUTSIDE_GRANT)
    if await walled_from(session, [f"region:{region}" for region in sorted(regions)]):
        raise Recused(IS_RECUSED)
    listed = await repository.known_regions(session, regions)
    faults = [
        FieldError(f"/rules/{number}/region_code", "unknown_reference")
        for number, rule in enumerate(body.rules)
        if rule.region_code in regions - listed
    ]
    if faults:
        raise Invalid(*faults)
    stated = [rule.model_dump(mode="json") for rule in body.rules]
    found = FieldOwnership(
        version=now.version + 1,
        rules=stated,
        reason=body.reason,
        decided_by=caller.id,
        decided_at=clock_of(session).now(),
    )
    session.add(found)
    await session.flush()
    changes = {"rules": {"before": [rule.model_dump(mode="json") for rule in now.rules], "after": stated}}
    about = Resource("field_ownership", None)
    await record(session, "field_ownership.replace", about, changes=changes, reason=body.reason)
    await jobs.settle_all(session, found.version)
    return table(found)


def _key(rule: OwnershipRule) -> tuple[str, str, str | None]:
    return rule.member, rule.source_system, rule.region_code


async def sources(session: AsyncSession, project: Project) -> ProjectSources:
    versions = await repository.versions(session, project)
    ids = [version.id for version in versions]
    funding = await library.funding_of(session, ids)
    known = await repository.external_ids(session, ids)
    words = await repository.withheld(session, ids)
    said = await repository.last_said(session, ids)
    owners = _owners(table(await repository.ownership(session)), project.region_code)
    rows = []
    for version in versions:
        last = said.get(version.id)
        rows.append(
            SourceVersion(
                project_id=version.id,
                source_system=version.source_system,
                kept=version.same_as is None,
                membership=Membership(version.membership),
                external_ids=[ExternalId.model_validate(key) for key in known.get(version.id, [])],
                values=content.public(content.of(version, funding.get(version.id, []))),
                withheld=[
                    WithheldWord(
                        member=word.member,
                        value=word.said["value"],
                        import_run_id=word.import_run_id,
                        said_at=word.said_at,
                    )
                    for word in words.get(version.id, [])
                ],
                last_said_at=last.at if last is not None else None,
                import_run_id=last.import_run_id if last is not None else None,
            )
        )
    return ProjectSources(
        project_id=project.id,
        same_as=project.same_as if project.same_as in ids else None,
        sources=rows,
        members=[
            LastWriter(**row._mapping, owner=owners.get(row.member))
            for row in await repository.last_writers(session, project.id)
        ],
    )


def _owners(found: OwnershipOut, region_code: str) -> dict[str, str]:
    """By member; the region's own rule goes before that for all."""
    for_all = {rule.member.value: rule.source_system for rule in found.rules if rule.region_code is None}
    own = {rule.member.value: rule.source_system for rule in found.rules if rule.region_code == region_code}
    return for_all | own


def _subjects(project: Project) -> set[str]:
    return {
        f"region:{project.region_code}",
        f"project:{project.id}",
        f"organisation:{project.organisation_id}",
    }


def _side(project: Project, known: Sequence[object]) -> MatchSide:
    return MatchSide(
        project_id=project.id,
        region_code=project.region_code,
        source_system=project.source_system,
        external_ids=[ExternalId.model_validate(key) for key in known],
        name=project.name,
        membership=Membership(project.membership),
        updated_at=project.updated_at,
    )


async def pair_of(session: AsyncSession, caller: Caller, match: ProjectMatch, sides: dict[UUID, Project]) -> Pair:
    project, other = sides[match.project_id], sides[match.other_project_id]
    actor = rules.over_both(await actor_over(session, caller, project), await actor_over(session, caller, other))
    return Pair(match, project, other, actor)
