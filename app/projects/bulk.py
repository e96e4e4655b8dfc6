"""The set-based upsert of a push: a fixed number of statements, whatever the count of rows.

A row proposes: what is new arrives as `proposed`, what is there is changed where it stands, with history. The
membership of a project that was declined or left does not move by a push: the region proposes it again itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record_each
from app.core.bulk import insert_new_rows, insert_rows, update_rows
from app.core.db import Entry, clock_of, ids_of, trial
from app.core.errors import Busy, FieldError
from app.models.projects import Membership, Project, ProjectChange, ProjectExternalId, ProjectFunding
from app.projects import content, entities, repository, rules
from app.projects.content import Changes, Values
from app.projects.entities import Entity, Wanted
from app.projects.repository import Held

_LOCK_SEED = 7_204_811_013
_LEFT_REASON = "全量报送中未再出现 / absent from a full push"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A valid row: what it states by column, the entity that it names, and why its stage moves back."""

    index: int
    external_id: str
    region_code: str
    values: Values
    entity: Entity
    stage_reason: str | None


@dataclass(frozen=True, slots=True)
class Push:
    source: str
    strategy: Literal["create", "update", "upsert"]
    run_id: UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row. `changes`: the members that differ from what stood there."""

    action: Literal["created", "updated", "unchanged", "rejected"]
    project_id: UUID | None = None
    changes: tuple[str, ...] = ()
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class _Planned:
    row: Incoming
    held: Held | None
    after: Values


@dataclass(frozen=True, slots=True)
class _Write:
    id: UUID
    planned: _Planned
    changes: Changes

    @property
    def version(self) -> int:
        return 1 if self.planned.held is None else self.planned.held.version + 1

    @property
    def subjects(self) -> tuple[str, UUID]:
        """Region and investment entity."""
        return self.planned.row.region_code, self.planned.after["organisation_id"]


async def upsert(session: AsyncSession, push: Push, rows: Sequence[Incoming]) -> dict[int, Outcome]:
    """Apply the rows; their external ids are distinct. Raises `Busy` where it lost a race that it can win later."""
    # One push of a source at a time: the next one sees what this one made.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(push.source, _LOCK_SEED))))
    held = await repository.held(session, push.source, [row.external_id for row in rows])
    outcomes: dict[int, Outcome] = {}
    planned = []
    for row in rows:
        plan = _Planned(row, held.get(row.external_id), _after(row, held.get(row.external_id)))
        errors = _errors(push, plan)
        if errors:
            outcomes[row.index] = _rejected(*errors)
        else:
            planned.append(plan)
    # An external id that stands for a project which the caller may not see is met only by inserting it.
    for _ in range(3):
        async with trial(session) as attempt:
            applied = await _apply(session, push, planned)
            hidden = {index for index, outcome in applied.items() if outcome.errors == _HIDDEN}
            attempt.kept = not hidden
        if attempt.kept:
            return outcomes | applied
        outcomes |= {index: applied[index] for index in hidden}
        planned = [plan for plan in planned if plan.row.index not in hidden]
    raise Busy


_HIDDEN = (FieldError("/external_id", "conflict"),)


def _rejected(*errors: FieldError) -> Outcome:
    return Outcome("rejected", errors=errors)


def _after(row: Incoming, held: Held | None) -> Values:
    """What the project would say: what the row does not state stays."""
    if held is not None:
        return {**held.values, **row.values}
    return {**dict.fromkeys(content.COLUMNS), "secondary_modes": [], "funding": (), **row.values}


def _errors(push: Push, plan: _Planned) -> list[FieldError]:
    held, row = plan.held, plan.row
    errors = content.inconsistencies(plan.after)
    # The entity is known to be stated; which one it is comes later.
    if "expected_benefits" in content.missing_facts(plan.after):
        errors.append(FieldError("/expected_benefits", "required"))
    if held is None:
        return [FieldError("/external_id", "not_found"), *errors] if push.strategy == "update" else errors
    if push.strategy == "create":
        errors.insert(0, FieldError("/external_id", "exists"))
    if row.region_code != held.region_code:
        errors.append(FieldError("/region_code", "fixed"))
    if row.stage_reason is None and rules.stage_needs_reason(
        held.values["building_stage"], plan.after["building_stage"]
    ):
        errors.append(FieldError("/stage_reason", "required"))
    return errors


async def _apply(session: AsyncSession, push: Push, planned: Sequence[_Planned]) -> dict[int, Outcome]:
    resolved = await entities.resolve(session, (_wanted(plan) for plan in planned))
    outcomes: dict[int, Outcome] = {}
    created, updated = [], []
    now, ids = clock_of(session).now(), ids_of(session)
    for plan in planned:
        entity = resolved[_wanted(plan)]
        if entity is None:
            outcomes[plan.row.index] = _rejected(FieldError("/investment_entity/credit_code", "ambiguous"))
            continue
        plan.after["organisation_id"] = entity
        if plan.held is None:
            write = _Write(ids.dossier(now), plan, content.differences(None, plan.after))
            created.append(write)
            outcomes[plan.row.index] = Outcome("created", write.id)
            continue
        changes = content.differences(plan.held.values, plan.after)
        if changes:
            updated.append(_Write(plan.held.id, plan, changes))
        outcomes[plan.row.index] = Outcome("updated" if changes else "unchanged", plan.held.id, tuple(sorted(changes)))
    met = await _create(session, push, created, now)
    if met:
        return outcomes | {write.planned.row.index: _rejected(*_HIDDEN) for write in met}
    await _update(session, updated, now)
    await _replace_funding(session, [*created, *(write for write in updated if "funding" in write.changes)], updated)
    await _remember(session, push, [*created, *updated], now)
    await record_each(session, "projects.create", [_resource(write.id, *write.subjects) for write in created])
    await record_each(session, "projects.update", [_resource(write.id, *write.subjects) for write in updated])
    return outcomes


def _wanted(plan: _Planned) -> Wanted:
    return Wanted(plan.row.region_code, plan.row.entity)


def _columns(write: _Write) -> dict[str, Any]:
    return {name: write.planned.after[name] for name in content.COLUMNS}


async def _create(session: AsyncSession, push: Push, created: Sequence[_Write], now: datetime) -> list[_Write]:
    """Insert the new projects; returns those whose external id is taken already."""
    constant = {
        "source_system": push.source,
        "membership": Membership.PROPOSED,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    rows = [
        {"id": write.id, "region_code": write.planned.row.region_code, **_columns(write), **constant}
        for write in created
    ]
    await insert_rows(session, Project, rows)
    keys = [
        {
            "source_system": push.source,
            "external_id": write.planned.row.external_id,
            "project_id": write.id,
            "region_code": write.planned.row.region_code,
        }
        for write in created
    ]
    inserted = await insert_new_rows(session, ProjectExternalId, keys, returning="external_id")
    return [write for write in created if write.planned.row.external_id not in inserted]


async def _update(session: AsyncSession, updated: Sequence[_Write], now: datetime) -> None:
    await update_rows(session, Project, [{"id": write.id, **_columns(write), "updated_at": now} for write in updated])


async def _replace_funding(session: AsyncSession, writes: Sequence[_Write], updated: Sequence[_Write]) -> None:
    await repository.delete_funding(session, [write.id for write in updated if "funding" in write.changes])
    now, ids = clock_of(session).now(), ids_of(session)
    rows = [
        {
            "id": ids.dossier(now),
            "project_id": write.id,
            "region_code": write.planned.row.region_code,
            **line._asdict(),
        }
        for write in writes
        for line in write.planned.after["funding"]
    ]
    await insert_rows(session, ProjectFunding, rows)


async def _remember(session: AsyncSession, push: Push, writes: Sequence[_Write], now: datetime) -> None:
    """History: the content, and the building stage by an act of its own (`reported`)."""
    rows = []
    for write in writes:
        changes: Changes = dict(write.changes)
        stage = changes.pop("building_stage", None)
        acts: list[tuple[str, Changes, str | None]] = []
        if write.planned.held is None:
            acts.append(("create", {**changes, "membership": _arrival()}, None))
        elif changes:
            acts.append(("update", changes, None))
        if stage is not None:
            acts.append(("reported", {"building_stage": stage}, write.planned.row.stage_reason))
        rows += _history(session, push, (write.id, write.planned.row.region_code, write.version), acts, now)
    await insert_rows(session, ProjectChange, rows)


def _arrival() -> dict[str, Any]:
    return {"before": None, "after": str(Membership.PROPOSED)}


def _history(
    session: AsyncSession,
    push: Push,
    project: tuple[UUID, str, int],
    acts: Iterable[tuple[str, Mapping[str, Any], str | None]],
    now: datetime,
) -> list[dict[str, Any]]:
    entry: Entry = session.info["entry"]
    listed = list(acts)
    project_id, region_code, version = project
    # Ids of one moment are drawn at random: sorted, they keep the acts' order.
    keys = sorted(ids_of(session).dossier(now) for _ in listed)
    return [
        {
            "id": key,
            "project_id": project_id,
            "region_code": region_code,
            "version": version,
            "occurred_at": now,
            "action": action,
            "actor_kind": entry.kind,
            "actor_id": entry.principal,
            "import_run_id": push.run_id,
            "reason": reason,
            "changes": changes,
        }
        for key, (action, changes, reason) in zip(keys, listed, strict=True)
    ]


def _resource(project: UUID, region: str, entity: UUID | None) -> Resource:
    return Resource("project", project, region_code=region, organisation_id=entity, project_id=project)


async def leave_missing(session: AsyncSession, push: Push, regions: Sequence[str], pushed: Sequence[str]) -> int:
    """Members of this source in these regions that a full push names no more leave the library (退库)."""
    now = clock_of(session).now()
    left = await repository.leave(session, push.source, regions, pushed, now)
    act = ("leave", {"membership": {"before": str(Membership.IN_LIBRARY), "after": str(Membership.LEFT)}}, _LEFT_REASON)
    rows = [
        change
        for project in left
        for change in _history(session, push, (project.id, project.region_code, project.version), [act], now)
    ]
    await insert_rows(session, ProjectChange, rows)
    gone = [_resource(project.id, project.region_code, project.organisation_id) for project in left]
    await record_each(session, "projects.leave", gone)
    return len(left)
