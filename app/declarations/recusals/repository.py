"""Recusals' SQL. They are written by gate functions only; the row policies say who reads them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Uuid, and_, case, cast, not_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.pagination import Order
from app.declarations.recusals.rules import UNDECIDED, BarredFrom
from app.models.base import SubjectKind
from app.models.cases import Case
from app.models.declarations import Recusal, RecusalDecision, RecusalNotice, RecusalState
from app.models.directory import Organisation, Region
from app.models.identity import Person
from app.models.projects import Project

ORDER = Order((Recusal.declared_at.expression, Recusal.id.expression), descending=True)
NOTICE_ORDER = Order((RecusalNotice.since.expression, RecusalNotice.recusal_id.expression), descending=True)

_Initiator = aliased(Person)

_WITH_NAME: Select[*tuple[Any, ...]] = (
    select(
        *(column for column in Recusal.__table__.columns if column.name != "created_at"),
        Person.name.label("person_name"),
        _Initiator.name.label("initiated_by_name"),
    )
    .join(Person, Person.id == Recusal.person_id)
    .join(_Initiator, _Initiator.id == Recusal.initiated_by, isouter=True)
)

# As the policies of each show it to the caller: a hidden subject has no name. One branch is looked at a row.
_SUBJECT_NAME = case(
    {
        SubjectKind.REGION.value: select(Region.name_zh)
        .where(Region.code == RecusalNotice.subject_key)
        .correlate(RecusalNotice)
        .scalar_subquery(),
        **{
            kind.value: select(name)
            .where(identifier == cast(RecusalNotice.subject_key, Uuid))
            .correlate(RecusalNotice)
            .scalar_subquery()
            for kind, identifier, name in (
                (SubjectKind.ORGANISATION, Organisation.id, Organisation.name),
                (SubjectKind.PROJECT, Project.id, Project.name),
                (SubjectKind.CASE, Case.id, Case.title),
            )
        },
    },
    value=RecusalNotice.subject_kind,
)
_NOTICE: Select[*tuple[Any, ...]] = select(*RecusalNotice.__table__.columns, _SUBJECT_NAME.label("subject_name"))

_RECUSE = text(
    "SELECT gate.recuse(:recusal, :person, :how, :region, :organisation, :project, :case, :relation, :words, :at)"
)
_CLEAR_OF = text(
    "SELECT gate.clear_of(CAST(:region AS text), CAST(:organisation AS uuid), CAST(:project AS uuid), "
    "CAST(:case AS uuid), CAST('{}' AS text[]))"
)
_DECIDE = text("SELECT gate.decide_recusal(:decision, :recusal, :outcome, :reason, :basis, :at)")
_LIFT = text("SELECT gate.lift_recusal(:decision, :recusal, :reason, :basis, :at)")


def listed(
    *,
    state: RecusalState | None,
    person_id: UUID | None,
    region_code: str | None,
    overdue: bool | None,
    today: date,
) -> Select[*tuple[Any, ...]]:
    statement = _WITH_NAME
    if state is not None:
        statement = statement.where(Recusal.state == state)
    if person_id is not None:
        statement = statement.where(Recusal.person_id == person_id)
    if region_code is not None:
        here = [f"{SubjectKind.REGION}:{region_code}"]
        statement = statement.where((Recusal.region_code == region_code) | Recusal.reaches.contains(here))
    if overdue is not None:
        late = and_(Recusal.state.in_(UNDECIDED), Recusal.due_on.is_not(None), Recusal.due_on < today)
        statement = statement.where(late if overdue else not_(late))
    return statement


async def one(session: AsyncSession, recusal_id: UUID) -> Row[Any] | None:
    """Fresh from the database: gate functions change the row behind the session's back."""
    return (await session.execute(_WITH_NAME.where(Recusal.id == recusal_id))).one_or_none()


async def person_of(session: AsyncSession, recusal_id: UUID) -> UUID | None:
    return await session.scalar(select(Recusal.person_id).where(Recusal.id == recusal_id))


async def proposer_of(session: AsyncSession, recusal_id: UUID) -> UUID | None:
    """Who last proposed to lift it."""
    statement = select(RecusalDecision.decided_by).where(
        RecusalDecision.recusal_id == recusal_id, RecusalDecision.outcome == "lift_proposed"
    )
    return await session.scalar(statement.order_by(RecusalDecision.number.desc()).limit(1))


async def state_of(session: AsyncSession, recusal_id: UUID) -> str | None:
    """As a gate function left it, behind the session's back."""
    return await session.scalar(select(Recusal.state).where(Recusal.id == recusal_id))


async def decisions(session: AsyncSession, recusal_id: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """With the names of who decided."""
    statement = (
        select(*RecusalDecision.__table__.columns, Person.name.label("decided_by_name"))
        .join(Person, Person.id == RecusalDecision.decided_by, isouter=True)
        .where(RecusalDecision.recusal_id == recusal_id)
    )
    return (await session.execute(statement.order_by(RecusalDecision.number))).all()


def notices(*, state: RecusalState | None) -> Select[*tuple[Any, ...]]:
    """One's own, by the row policy."""
    return _NOTICE if state is None else _NOTICE.where(RecusalNotice.state == state)


async def notice(session: AsyncSession, recusal_id: UUID) -> Row[Any] | None:
    return (await session.execute(_NOTICE.where(RecusalNotice.recusal_id == recusal_id))).one_or_none()


async def recuse(
    session: AsyncSession,
    recusal_id: UUID,
    *,
    person_id: UUID,
    initiator: str,
    subject: BarredFrom,
    relation_code: str,
    statement: str,
    at: datetime,
) -> str:
    """`taken`, `unknown_subject`, `unknown_relation` or `unknown_person`."""
    subjects = {kind: subject.key if kind is subject.kind else None for kind in SubjectKind}
    answer = await session.scalar(
        _RECUSE,
        {
            "recusal": recusal_id,
            "person": person_id,
            "how": initiator,
            "region": subjects[SubjectKind.REGION],
            "organisation": subjects[SubjectKind.ORGANISATION],
            "project": subjects[SubjectKind.PROJECT],
            "case": subjects[SubjectKind.CASE],
            "relation": relation_code,
            "words": statement,
            "at": at,
        },
    )
    return str(answer)


async def decide(
    session: AsyncSession,
    decision_id: UUID,
    recusal_id: UUID,
    *,
    outcome: str,
    reason: str,
    legal_basis: str | None,
    at: datetime,
) -> str:
    """`decided`, `hidden`, `wrong_state` or `same_person`."""
    values = {"decision": decision_id, "recusal": recusal_id, "reason": reason, "basis": legal_basis, "at": at}
    return str(await session.scalar(_DECIDE, {**values, "outcome": outcome}))


async def lift(
    session: AsyncSession, decision_id: UUID, recusal_id: UUID, *, reason: str, legal_basis: str | None, at: datetime
) -> str:
    """`proposed`, `lifted`, `hidden`, `wrong_state` or `same_person`."""
    values = {"decision": decision_id, "recusal": recusal_id, "reason": reason, "basis": legal_basis, "at": at}
    return str(await session.scalar(_LIFT, values))


async def clear_of(session: AsyncSession, subject: BarredFrom) -> bool:
    """Whether the caller is free to handle it: neither walled from the subject, its region or a region whose library
    holds it, nor staff there."""
    keys = {str(kind): subject.key if kind is subject.kind else None for kind in SubjectKind}
    return bool(await session.scalar(_CLEAR_OF, keys))
