"""Committing oneself, and declaring one's interests (Art. 11). Each interest is a recusal, at once.

Every transaction here was opened exclusively on the caller: tokens change with what is committed and declared.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import clock_of, entered, ids_of, league_today, walled_from
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid
from app.core.workflow import WRONG_STATE
from app.declarations import repository, rules
from app.declarations.recusals import service as recusals
from app.declarations.recusals.rules import BarredFrom, Initiation, subject_faults
from app.declarations.schemas import CommitmentIn, DeclarationIn, InterestIn, stored
from app.models.base import SubjectKind
from app.models.declarations import Commitment, Declaration
from app.models.reviews import Assignment, AssignmentState, SubjectOfReview

CONSTRAINT_REASONS["uq_commitments_person_id_year"] = rules.COMMITMENT_EXISTS
CONSTRAINT_REASONS["uq_declarations_person_id_year_assignment_id"] = rules.DECLARATION_EXISTS


async def commit_oneself(session: AsyncSession, caller: Caller, body: CommitmentIn) -> Commitment:
    """Raises `Invalid` for another year or a text that is not the latest, `Conflict` (`commitment_exists`)."""
    wording = await repository.latest_text(session)
    faults = rules.year_faults(body.year, entered(session).year)
    if wording is None or wording.version != body.text_version:
        faults.append(FieldError("/text_version", "unknown_reference"))
    if wording is None or faults:
        raise Invalid(*faults)
    commitment = Commitment(
        id=ids_of(session).random(),
        person_id=caller.id,
        year=body.year,
        text_version=wording.version,
        text_sha256=wording.sha256,
        signed_at=clock_of(session).now(),
    )
    session.add(commitment)
    await session.flush()
    changes = {"year": body.year, "text_version": wording.version, "text_sha256": wording.sha256}
    await record(session, "commitments.sign", Resource("commitment", commitment.id), changes=changes)
    return commitment


async def declare(session: AsyncSession, caller: Caller, body: DeclarationIn) -> Declaration:
    """Raises `Invalid` for what contradicts itself or is unknown, `StateConflict` for an assignment that waits for no
    declaration, `Conflict` (`declaration_exists`, `ineligible`).
    """
    assignment = await _assignment(session, caller, body)
    _check(body, entered(session).year, for_assignment=assignment is not None)
    declaration = Declaration(
        id=ids_of(session).random(),
        person_id=caller.id,
        year=body.year,
        assignment_id=body.assignment_id,
        has_interests=body.has_interests,
        interests=stored(body.interests),
        declared_at=clock_of(session).now(),
    )
    session.add(declaration)
    await session.flush()
    # Whether there are interests, and which, is between the person and those who decide on the recusals.
    # One for an assignment carries what that is about: its trace tells who sits on which panel.
    about = Resource("declaration", declaration.id)
    if assignment is not None:
        about = replace(about, region_code=assignment.region_code, case_id=assignment.case_id)
    await record(session, "declarations.declare", about, changes={"year": body.year})
    for index, interest in enumerate(body.interests):
        await _recuse(session, caller, interest, assignment, base=f"/interests/{index}")
    if assignment is not None:
        await _answer(session, caller, assignment, body)
    return declaration


def subject_of(assignment: Assignment) -> BarredFrom:
    """What an assignment is about: its case, or its region's year."""
    if assignment.subject_kind == SubjectOfReview.CASE and assignment.case_id is not None:
        return BarredFrom(SubjectKind.CASE, assignment.case_id)
    return BarredFrom(SubjectKind.REGION, assignment.region_code)


async def _assignment(session: AsyncSession, caller: Caller, body: DeclarationIn) -> Assignment | None:
    if body.assignment_id is None:
        return None
    assignment = await repository.own_assignment(session, caller.id, body.assignment_id)
    if assignment is None:
        raise Invalid(FieldError("/assignment_id", "unknown_reference"))
    if assignment.state != AssignmentState.ACCEPTED:
        raise e.StateConflict(WRONG_STATE)
    return assignment


def _check(body: DeclarationIn, year: int, *, for_assignment: bool) -> None:
    same = [(interest.relation_code, interest.subjects()) for interest in body.interests]
    faults = rules.year_faults(body.year, year)
    faults += rules.interest_faults(has_interests=body.has_interests, interests=same)
    for index, (_, subjects) in enumerate(same):
        faults += subject_faults(subjects, base=f"/interests/{index}", needed=not for_assignment)
    if faults:
        raise Invalid(*faults)


async def _recuse(
    session: AsyncSession, caller: Caller, interest: InterestIn, assignment: Assignment | None, *, base: str
) -> None:
    subjects = interest.subjects()
    subject = subjects[0] if subjects or assignment is None else subject_of(assignment)
    await recusals.recuse(
        session,
        person_id=caller.id,
        initiator=Initiation.SELF,
        subject=subject,
        relation_code=interest.relation_code,
        statement=interest.statement,
        base=base,
    )


async def _answer(session: AsyncSession, caller: Caller, assignment: Assignment, body: DeclarationIn) -> None:
    """Without interests the dossier opens. With any, the assignment does not go on, whatever they are about."""
    if body.has_interests:
        subject = subject_of(assignment)
        if not await walled_from(session, [f"region:{assignment.region_code}", subject.wall]):
            whole = body.interests[0].model_copy(update=dict.fromkeys(_SUBJECTS))
            await _recuse(session, caller, whole, assignment, base="/interests/0")
        return
    today = league_today(session)
    if not await repository.may_review(session, assignment.id, today):
        raise e.Conflict(rules.NOT_ELIGIBLE)
    before, assignment.state = assignment.state, AssignmentState.DECLARED
    await session.flush()
    await record(
        session,
        "assignments.declare",
        Resource("assignment", assignment.id, region_code=assignment.region_code, case_id=assignment.case_id),
        changes={"state": [before, assignment.state]},
    )


_SUBJECTS = ("region_code", "organisation_id", "project_id", "case_id")
