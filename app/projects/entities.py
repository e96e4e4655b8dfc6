"""The investment entities (投资主体) that a push names: matched by credit code, else by name and region, else made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record_each
from app.core.bulk import insert_new_rows
from app.core.db import clock_of, ids_of
from app.core.errors import Conflict
from app.models.directory import Organisation

_LOCK = 7_204_811_014
_NO_CODE = "报送数据未提供统一社会信用代码 / not stated by the source system"


@dataclass(frozen=True, slots=True)
class Entity:
    """As a row names it. `kind` counts only where the entity is new: the directory is the office's."""

    name: str
    kind: str
    credit_code: str | None


class Wanted(NamedTuple):
    region_code: str
    entity: Entity


class _Known(NamedTuple):
    id: UUID
    name: str
    region_code: str
    credit_code: str | None


# None: several bodies bear the name, and only a credit code could tell which one is meant.
Resolved = dict[Wanted, UUID | None]


async def resolve(session: AsyncSession, wanted: Iterable[Wanted]) -> Resolved:
    """Each entity's id, new ones made: a fixed number of statements, whatever the count."""
    sought = list(dict.fromkeys(wanted))
    resolved, missing = _match(sought, await _known(session, sought))
    if not missing:
        return resolved
    # Pushes of other sources may name the same new body: one makes it, the next finds it.
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    _, missing = _match(sought, await _known(session, sought))
    await _make(session, missing)
    resolved, missing = _match(sought, await _known(session, sought))
    if missing:
        raise Conflict
    return resolved


def _match(sought: Sequence[Wanted], known: Sequence[_Known]) -> tuple[Resolved, list[Wanted]]:
    by_code = {body.credit_code: body.id for body in known if body.credit_code is not None}
    by_name: dict[tuple[str, str], list[_Known]] = {}
    for body in known:
        by_name.setdefault((body.region_code, body.name), []).append(body)
    resolved: Resolved = {}
    missing = []
    for want in sought:
        code = want.entity.credit_code
        namesakes = by_name.get((want.region_code, want.entity.name), [])
        if code is not None and code in by_code:
            resolved[want] = by_code[code]
            continue
        if code is not None:
            # The same body before its code was known; a namesake with another code is another legal person.
            namesakes = [body for body in namesakes if body.credit_code is None]
        if len(namesakes) == 1:
            resolved[want] = namesakes[0].id
        elif code is None and namesakes:
            resolved[want] = None
        else:
            missing.append(want)
    return resolved, missing


async def _known(session: AsyncSession, sought: Sequence[Wanted]) -> list[_Known]:
    codes = [want.entity.credit_code for want in sought if want.entity.credit_code is not None]
    names = [want.entity.name for want in sought]
    regions = list({want.region_code for want in sought})
    named = (Organisation.name == any_(literal(names, ARRAY(Text)))) & (
        Organisation.region_code == any_(literal(regions, ARRAY(Text)))
    )
    rows = await session.execute(
        select(Organisation.id, Organisation.name, Organisation.region_code, Organisation.credit_code).where(
            or_(Organisation.credit_code == any_(literal(codes, ARRAY(Text))), named)
        )
    )
    return [_Known(*row) for row in rows]


async def _make(session: AsyncSession, missing: Sequence[Wanted]) -> None:
    """One body for each code, and one for each name that comes without any."""
    coded = {want.entity.credit_code: want for want in reversed(missing) if want.entity.credit_code is not None}
    taken = {(want.region_code, want.entity.name) for want in coded.values()}
    bare = {(want.region_code, want.entity.name): want for want in reversed(missing) if want.entity.credit_code is None}
    new = [*coded.values(), *(want for key, want in bare.items() if key not in taken)]
    now, ids = clock_of(session).now(), ids_of(session)
    rows: list[dict[str, Any]] = [
        {
            "id": ids.dossier(now),
            "name": want.entity.name,
            "short_name": None,
            "kind": want.entity.kind,
            "credit_code": want.entity.credit_code,
            "no_code_reason": _NO_CODE if want.entity.credit_code is None else None,
            "region_code": want.region_code,
            "parent_id": None,
            "charge_modes": [],
            "version": 1,
            "created_at": now,
            "updated_at": now,
        }
        for want in new
    ]
    made = await insert_new_rows(session, Organisation, rows, returning="id")
    await record_each(
        session,
        "organisations.create",
        [
            Resource("organisation", row["id"], region_code=row["region_code"], organisation_id=row["id"])
            for row in rows
            if row["id"] in made
        ],
    )
