"""Checking who may act on what, before anybody is contacted (Art. 11)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import ids_of, league_today, walled_from
from app.core.errors import FieldError, Invalid
from app.core.workflow import OUTSIDE_GRANT
from app.declarations.eligibility import repository
from app.declarations.eligibility.schemas import EligibilityCheckIn, EligibilityCheckOut, EligibilityOut
from app.declarations.recusals import repository as recusals
from app.declarations.recusals.rules import BarredFrom
from app.models.base import SubjectKind


async def check(session: AsyncSession, caller: Caller, body: EligibilityCheckIn) -> EligibilityCheckOut:
    """Raises `Recused` or `Forbidden` for a subject that the caller does not handle, `Invalid` for what is unknown or
    named twice."""
    subjects = await _subjects(session, caller, body)
    names = await repository.names(session, body.people)
    faults = [FieldError(f"/people/{i}", "unknown_reference") for i, one in enumerate(body.people) if one not in names]
    faults += [FieldError(f"/people/{i}", "duplicate") for i, one in enumerate(body.people) if one in body.people[:i]]
    if faults:
        raise Invalid(*faults)
    today = league_today(session)
    items = []
    for region_code, case_id in subjects:
        found = await repository.findings(
            session, body.people, body.capacity, region_code=region_code, case_id=case_id, on_day=today
        )
        items += [
            EligibilityOut.of(
                found[person], person_id=person, person_name=names[person], region_code=region_code, case_id=case_id
            )
            for person in body.people
        ]
    asked = {"capacity": str(body.capacity), "people": len(body.people), "subjects": len(subjects)}
    # About whom and what is not said: the audit must not tell who is being thought of.
    about = Resource("eligibility_check", ids_of(session).random())
    await record(session, "eligibility.check", about, changes=asked, event=False)
    return EligibilityCheckOut(capacity=body.capacity, on_day=today, items=items)


async def _subjects(session: AsyncSession, caller: Caller, body: EligibilityCheckIn) -> list[tuple[str, UUID | None]]:
    faults: list[FieldError] = []
    found: list[tuple[str, UUID | None]] = []
    for index, asked in enumerate(body.subjects):
        base = f"/subjects/{index}"
        if (asked.region_code is None) == (asked.case_id is None):
            faults.append(FieldError(f"{base}/region_code", "required" if asked.case_id is None else "too_many"))
            continue
        key = asked.region_code or asked.case_id
        assert key is not None  # noqa: S101 - one of them is
        subject = BarredFrom(SubjectKind.CASE if asked.region_code is None else SubjectKind.REGION, key)
        region = await repository.region_of(session, region_code=asked.region_code, case_id=asked.case_id)
        if region is None:
            faults.append(FieldError(f"{base}/{'case_id' if asked.case_id else 'region_code'}", "unknown_reference"))
        elif not await recusals.clear_of(session, subject):
            # Staff of what is judged there ask nothing about it, either: that is no recusal of theirs.
            walled = await walled_from(session, [subject.wall, f"region:{region}"]) or not caller.regions
            raise e.Recused if walled else e.Forbidden(OUTSIDE_GRANT)
        elif (region, asked.case_id) in found:
            faults.append(FieldError(base, "duplicate"))
        else:
            found.append((region, asked.case_id))
    if faults:
        raise Invalid(*faults)
    return found
