"""Starting, deciding and lifting recusals. What protects is the gate's, in the same transaction."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import shown
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of, walled_from
from app.core.errors import FieldError, Invalid
from app.core.workflow import OUTSIDE_GRANT, SAME_PERSON, WRONG_STATE, Verdict
from app.declarations.recusals import repository, rules
from app.declarations.recusals.rules import BarredFrom, Initiation
from app.declarations.recusals.schemas import (
    DecisionIn,
    LiftIn,
    RecusalDecisionOut,
    RecusalDetail,
    RecusalIn,
    RecusalOut,
)
from app.models.base import SubjectKind


async def start(session: AsyncSession, caller: Caller, body: RecusalIn) -> UUID:
    """Raises `InsufficientScope`, `FourEyes` and `Recused` for an order, `Invalid` for what is unknown or too much."""
    ordered = body.initiator is Initiation.EX_OFFICIO
    if ordered and rules.DECIDE not in caller.scopes:
        raise e.InsufficientScope(rules.DECIDE)
    subjects = body.subjects()
    if ordered and len(subjects) == 1 and not await repository.clear_of(session, subjects[0]):
        # Staff of what is judged there give no orders on it, either: that is no recusal of theirs.
        walled = await walled_from(session, [subjects[0].wall]) or not caller.regions
        raise e.Recused if walled else e.Forbidden(OUTSIDE_GRANT)
    if ordered and body.person_id == caller.id:
        raise e.FourEyes(rules.NOT_ONESELF)
    faults = [*rules.person_faults(body.initiator, body.person_id, caller.id), *rules.subject_faults(subjects)]
    if faults:
        raise Invalid(*faults)
    return await recuse(
        session,
        person_id=body.person_id or caller.id,
        initiator=body.initiator,
        subject=subjects[0],
        relation_code=body.relation_code,
        statement=body.statement,
    )


async def recuse(
    session: AsyncSession,
    *,
    person_id: UUID,
    initiator: Initiation,
    subject: BarredFrom,
    relation_code: str,
    statement: str,
    base: str = "",
) -> UUID:
    """Start a recusal; one's own takes effect before this returns. `base`: where the payload names it.

    For one's own and for an order the transaction must have been opened exclusively on the person.
    """
    recusal_id = ids_of(session).random()
    answer = await repository.recuse(
        session,
        recusal_id,
        person_id=person_id,
        initiator=initiator,
        subject=subject,
        relation_code=relation_code,
        statement=statement,
        at=clock_of(session).now(),
    )
    match answer:
        case "unknown_subject":
            raise Invalid(FieldError(f"{base}/{rules.POINTERS[subject.kind]}", "unknown_reference"))
        case "unknown_relation":
            raise Invalid(FieldError(f"{base}/relation_code", "unknown_reference"))
        case "unknown_person":
            raise Invalid(FieldError(f"{base}/person_id", "unknown_reference"))
        case "no_decider_left":
            raise e.StateConflict(rules.NO_DECIDER_LEFT)
    await _record_start(session, initiator, recusal_id, subject)
    return recusal_id


async def decide(session: AsyncSession, recusal: Row[Any], body: DecisionIn) -> None:
    """回避决定 or 不予回避决定: walls, tokens, assignments, sheets and files follow in this transaction."""
    answer = await repository.decide(
        session,
        ids_of(session).random(),
        recusal.id,
        outcome=body.outcome,
        reason=body.reason,
        legal_basis=body.legal_basis,
        at=clock_of(session).now(),
    )
    obey(answer)
    await record(session, "recusals.decide", _about(recusal), changes={"outcome": str(body.outcome)})


async def lift(session: AsyncSession, recusal: Row[Any], body: LiftIn) -> None:
    """解除回避: the first decider proposes it, the second one's act lifts."""
    answer = await repository.lift(
        session,
        ids_of(session).random(),
        recusal.id,
        reason=body.reason,
        legal_basis=body.legal_basis,
        at=clock_of(session).now(),
    )
    obey(answer)
    await record(session, "recusals.lift", _about(recusal), changes={"outcome": answer})


async def detail(session: AsyncSession, caller: Caller, recusal_id: UUID) -> RecusalDetail:
    """Raises `NotFound` for whom the row policies hide it."""
    recusal = await repository.one(session, recusal_id)
    if recusal is None:
        raise e.NotFound
    decisions = [RecusalDecisionOut.model_validate(row) for row in await repository.decisions(session, recusal_id)]
    verdicts = [judge(action, caller, recusal, decisions) for action in rules.LIFE.transitions]
    members = RecusalOut.model_validate(recusal).model_dump()
    return RecusalDetail(**members, decisions=decisions, allowed_actions=shown(verdicts))


def judge(action: str, caller: Caller, recusal: Row[Any], decisions: list[RecusalDecisionOut]) -> Verdict:
    """Whether the caller, who sees the recusal, may do this to it now. Who is walled or concerned does not see it."""
    proposals = [decision.decided_by for decision in decisions if decision.outcome == "lift_proposed"]
    begun_by = recusal.attributed_to if recusal.initiated_by is None else recusal.initiated_by
    authors = {"initiate": begun_by, "propose": proposals[-1] if proposals else None}
    return rules.LIFE.judge(action, recusal.state, caller.league_actor(), authors)


def obey(answer: str) -> None:
    """What the gate refuses, having looked again under its own locks."""
    match answer:
        case "unknown_basis":
            raise Invalid(FieldError("/legal_basis", "unknown_reference"))
        case "hidden":
            raise e.NotFound
        case "wrong_state":
            raise e.StateConflict(WRONG_STATE)
        case "same_person":
            raise e.FourEyes(SAME_PERSON)


async def _record_start(session: AsyncSession, initiator: Initiation, recusal_id: UUID, subject: BarredFrom) -> None:
    if initiator in rules.APPLICATIONS:
        # Under an id of its own and without a subject: whoever reads the audit later cannot tell who informed about
        # whom, and the trace is the same where nobody of that id is known.
        await record(session, "recusals.apply", Resource("recusal_application", ids_of(session).random()))
        return
    action = "recusals.declare" if initiator is Initiation.SELF else "recusals.order"
    about = Resource(
        "recusal",
        recusal_id,
        region_code=subject.key if isinstance(subject.key, str) else None,
        organisation_id=subject.id_of(SubjectKind.ORGANISATION),
        project_id=subject.id_of(SubjectKind.PROJECT),
        case_id=subject.id_of(SubjectKind.CASE),
    )
    begun = await repository.state_of(session, recusal_id) if initiator is Initiation.EX_OFFICIO else None
    await record(session, action, about, changes={"state": begun or "provisional"})


def _about(recusal: Row[Any]) -> Resource:
    return Resource(
        "recusal",
        recusal.id,
        region_code=recusal.region_code,
        organisation_id=recusal.organisation_id,
        project_id=recusal.project_id,
        case_id=recusal.case_id,
    )
