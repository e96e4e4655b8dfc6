"""Recording what a superior authority decided (上级机关决定), by two administrators."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of, league_today
from app.core.errors import FieldError, Invalid, Reason
from app.declarations.escalations import repository
from app.declarations.escalations.schemas import EscalationOut, SuperiorDecisionIn, SuperiorDecisionOut
from app.declarations.recusals.service import obey

ENTRIES_DIFFER = Reason(
    "entries_differ", "与另一人录入的内容不一致，请核对原件", "It is not what the other one entered: look at the paper"
)


async def shown(session: AsyncSession, caller: Caller, rows: Sequence[Row[Any]]) -> list[EscalationOut]:
    """With what the caller recorded on each so far. Another's entry is not shown: the second is made from the paper."""
    found = await repository.recorded(session, [row.id for row in rows])
    return [
        EscalationOut(
            **{
                name: getattr(row, name)
                for name in EscalationOut.model_fields
                if name not in {"recorded", "awaits_second"}
            },
            recorded=[
                SuperiorDecisionOut.model_validate(each)
                for each in found
                if each.recusal_id == row.id and each.recorded_by == caller.id
            ],
            awaits_second=any(
                each.recusal_id == row.id and each.withdrawn_at is None and each.recorded_by != caller.id
                for each in found
            ),
        )
        for row in rows
    ]


async def enter(session: AsyncSession, recusal_id: UUID, body: SuperiorDecisionIn) -> bool:
    """Whether that decided it. Raises `NotFound`, `FourEyes` for the same person twice, `Conflict` where
    it is not what the other one entered."""
    if body.issued_on > league_today(session):
        raise Invalid(FieldError("/issued_on", "out_of_range"))
    answer = await repository.record(session, ids_of(session).random(), recusal_id, body, at=clock_of(session).now())
    obey(answer)
    if answer == "differs":
        raise e.Conflict(ENTRIES_DIFFER)
    changes = {"outcome": str(body.outcome), "document_number": body.document_number, "result": answer}
    # Without the subject: who administers the system is walled from nothing, and reads no audit either.
    await record(session, "recusals.record_superior", Resource("recusal", recusal_id), changes=changes)
    return answer == "decided"
