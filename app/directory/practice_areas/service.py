"""Establishing, changing, adjusting and withdrawing practice areas."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of, walled_from
from app.core.errors import FieldError, Invalid
from app.core.workflow import IS_RECUSED
from app.directory.practice_areas import repository
from app.directory.practice_areas.rules import PRACTICE_AREA_LIFE, geometry_faults
from app.directory.practice_areas.schemas import Geometry, PracticeAreaIn, PracticeAreaPatch
from app.models.directory import PracticeArea, PracticeAreaState


async def recused(session: AsyncSession, region_code: str, entity_ids: Sequence[UUID]) -> bool:
    """Whether the caller is recused from the area's region or from a body that carries it out."""
    subjects = [f"region:{region_code}", *(f"organisation:{entity}" for entity in entity_ids)]
    return await walled_from(session, subjects)


async def establish(session: AsyncSession, body: PracticeAreaIn) -> PracticeArea:
    """Raises `Recused`, and `Invalid` for a reference that does not exist or a geometry that is none."""
    if await recused(session, body.region_code, body.entity_ids):
        raise e.Recused(IS_RECUSED)
    faults = await _faults(session, body)
    if not await repository.knows_region(session, body.region_code):
        faults.insert(0, FieldError("/region_code", "unknown_reference"))
    if faults:
        raise Invalid(*faults)
    stated = body.model_dump(exclude={"geometry"})
    area = PracticeArea(
        id=ids_of(session).dossier(clock_of(session).now()),
        geometry=_stored(body.geometry),
        state=PracticeAreaState.ESTABLISHED,
        state_reason=None,
        **stated,
    )
    session.add(area)
    await session.flush()
    await record(session, "practice_areas.create", _resource(area), changes=_summary(body))
    return area


async def change(session: AsyncSession, area: PracticeArea, body: PracticeAreaPatch) -> PracticeArea:
    """Apply what the patch states. Raises `Recused`, `Invalid`."""
    if body.entity_ids and await recused(session, area.region_code, body.entity_ids):
        raise e.Recused(IS_RECUSED)
    faults = [
        FieldError(f"/{name}", "required")
        for name in ("name", "entity_ids")
        if name in body.model_fields_set and getattr(body, name) is None
    ]
    faults += await _faults(session, body)
    if faults:
        raise Invalid(*faults)
    for name in body.model_fields_set:
        value = getattr(body, name)
        setattr(area, name, _stored(value) if name == "geometry" else value)
    await session.flush()
    await record(session, "practice_areas.update", _resource(area), changes=_summary(body))
    return area


async def move(session: AsyncSession, area: PracticeArea, action: str, reason: str) -> PracticeArea:
    """`adjust` or `withdraw`, with its reason."""
    target = PRACTICE_AREA_LIFE.transitions[action].target
    before, area.state = area.state, PracticeAreaState(target or area.state)
    area.state_reason = reason
    area.updated_at = clock_of(session).now()
    await session.flush()
    await record(
        session, f"practice_areas.{action}", _resource(area), changes={"state": [before, area.state]}, reason=reason
    )
    return area


async def _faults(session: AsyncSession, body: PracticeAreaIn | PracticeAreaPatch) -> list[FieldError]:
    faults: list[FieldError] = []
    if body.mode_code is not None and not await repository.knows_mode(session, body.mode_code):
        faults.append(FieldError("/mode_code", "unknown_reference"))
    entities = body.entity_ids or []
    known = await repository.known_organisations(session, entities) if entities else set()
    for index, entity in enumerate(entities):
        if entity not in known:
            faults.append(FieldError(f"/entity_ids/{index}", "unknown_reference"))
        elif entity in entities[:index]:
            faults.append(FieldError(f"/entity_ids/{index}", "duplicate"))
    if body.geometry is not None:
        found = geometry_faults(body.geometry.type, body.geometry.coordinates)
        faults += [FieldError(f"/geometry/coordinates{pointer}", code) for pointer, code in found]
    return faults


def _stored(geometry: Geometry | None) -> dict[str, Any] | None:
    return None if geometry is None else geometry.model_dump(mode="json")


def _summary(body: PracticeAreaIn | PracticeAreaPatch) -> dict[str, Any]:
    """What the audit keeps: a geometry is named, not copied."""
    changes = body.model_dump(mode="json", exclude_unset=True)
    if changes.get("geometry"):
        changes["geometry"] = changes["geometry"]["type"]
    return changes


def _resource(area: PracticeArea) -> Resource:
    return Resource("practice_area", area.id, region_code=area.region_code)
