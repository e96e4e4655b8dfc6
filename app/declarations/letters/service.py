"""Composing the letter of a decision."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import league_date
from app.declarations.letters import repository
from app.declarations.letters.rules import TITLES, Letter
from app.declarations.recusals.rules import BarredFrom, named
from app.declarations.recusals.schemas import RecusalDetail
from app.models.base import SubjectKind
from app.models.declarations import RecusalState


async def of_recusal(session: AsyncSession, recusal: RecusalDetail) -> Letter | None:
    """Of the last decision that changed its state; None before there is one."""
    last = next((each for each in reversed(recusal.decisions) if each.outcome == recusal.state), None)
    if last is None or recusal.state not in TITLES:
        return None
    [subject] = named((recusal.region_code, recusal.organisation_id, recusal.project_id, recusal.case_id))
    return Letter(
        number=_number(recusal.id, last.decided_at),
        person=recusal.person_name,
        subject=await repository.subject_name(session, subject),
        outcome=recusal.state,
        reason=last.reason,
        basis=await repository.basis(session, last.legal_basis, last.legal_basis_version),
        decided_at=last.decided_at,
    )


async def of_notice(session: AsyncSession, person_id: UUID, notice: Row[Any]) -> Letter | None:
    """The same letter from what the person concerned was told; None before it is decided."""
    state = RecusalState(notice.state)
    if state not in TITLES or notice.reason is None:
        return None
    kind = SubjectKind(notice.subject_kind)
    key = notice.subject_key if kind is SubjectKind.REGION else UUID(notice.subject_key)
    return Letter(
        number=_number(notice.recusal_id, notice.updated_at),
        person=await repository.person_name(session, person_id),
        subject=await repository.subject_name(session, BarredFrom(kind, key)),
        outcome=state,
        reason=notice.reason,
        basis=await repository.basis(session, notice.legal_basis, notice.legal_basis_version),
        decided_at=notice.updated_at,
    )


def _number(recusal_id: UUID, at: datetime) -> str:
    """Of the recusal itself: a running number would tell how many there are."""
    return f"回避决〔{league_date(at).year}〕{recusal_id.hex[:8]}号"
