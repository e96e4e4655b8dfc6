"""Naming whom a region would rather not be reviewed by. The self-evaluation is held editable by the dependency."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import FieldError, Invalid
from app.evaluations.exclusions import repository
from app.evaluations.exclusions.schemas import ExclusionsIn
from app.models.declarations import ExclusionName
from app.models.evaluations import Evaluation


async def replace(session: AsyncSession, caller: Caller, evaluation: Evaluation, body: ExclusionsIn) -> None:
    """Raises `Invalid` for a name given twice."""
    names = [item.name for item in body.items]
    faults = [FieldError(f"/items/{i}/name", "duplicate") for i, name in enumerate(names) if name in names[:i]]
    if faults:
        raise Invalid(*faults)
    await repository.clear(session, evaluation.id)
    now = clock_of(session).now()
    session.add_all(
        ExclusionName(
            id=ids_of(session).random(),
            evaluation_id=evaluation.id,
            region_code=evaluation.region_code,
            position=position,
            name=item.name,
            organisation=item.organisation,
            reason=item.reason,
            named_by=caller.id,
            named_at=now,
        )
        for position, item in enumerate(body.items, start=1)
    )
    await session.flush()
    # How many, and not whom: the audit is read by more people than the list.
    about = Resource("evaluation", evaluation.id, region_code=evaluation.region_code)
    await record(session, "evaluations.name_exclusions", about, changes={"count": len(names)}, event=False)
