"""Who meets which appraisal file. What is found by the id of a judgement row is 404 for whoever is walled from it.

| caller                                        | file | explanation                            |
|-----------------------------------------------|------|----------------------------------------|
| office, committee, inspector, not recused     | yes  | while a result stands                  |
| the same, recused or of the region's own staff| 404  | 404; own staff as below                |
| staff of the region                           | 404  | once published, in the disclosed form  |
| everybody else                                | 404  | 404                                    |
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist
from app.core.etag import IfMatch
from app.core.routing import answers
from app.declarations.repository import settle_applications
from app.declarations.rules import NOT_ELIGIBLE
from app.evaluations.files import repository, views
from app.evaluations.files.rules import RESULT_STANDS, WORKFLOW
from app.evaluations.files.schemas import ExplanationOut
from app.models.evaluations import AppraisalFile

Reader = Annotated[Caller, requires("evaluations:read")]
Appraiser = Annotated[Caller, acts("evaluations:appraise")]
Grader = Annotated[Caller, acts("evaluations:manage")]
Approver = Annotated[Caller, acts("evaluations:approve")]


@answers(e.NOT_FOUND)
async def visible_file(session: Session, file_id: UUID) -> AppraisalFile:
    file = await repository.one(session, file_id)
    if file is None:
        raise e.NotFound
    return file


VisibleFile = Annotated[AppraisalFile, Depends(visible_file)]


# What is done by somebody's own judgement, and in which capacity (`/v1/relations`).
_CAPACITIES = {"appraise": "appraiser", "approve": "decider"}


class FileFor:
    """The file, locked, in a state in which the caller may do `action`, with nothing in the way, and unchanged."""

    problems = (e.NOT_FOUND, e.CONFLICT, e.STATE_CONFLICT, e.FOUR_EYES)

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(
        self, session: Session, caller: AnyCaller, visible: VisibleFile, precondition: IfMatch
    ) -> AppraisalFile:
        file = await repository.locked(session, visible.id)
        if file is None:
            raise e.NotFound
        authors = await views.authors(session, file, caller)
        verdict = WORKFLOW.judge(self.action, file.state, views.actor_of(caller, file), authors)
        insist(verdict, WORKFLOW.transitions[self.action].scope)
        if self.action == "approve":
            await settle_applications(session)
        refusal = (await views.gates(session, file, await views.panel_of(session, file))).refusal
        if refusal is not None:
            raise e.StateConflict(refusal)
        # A ground that nobody has looked at yet bars as well: relations are asked again under the caller's lock.
        if self.action in _CAPACITIES and not await repository.may_act(
            session, _CAPACITIES[self.action], file.region_code
        ):
            raise e.Conflict(NOT_ELIGIBLE)
        precondition.check(file.version)
        return file


FileToAppraise = Annotated[AppraisalFile, Depends(FileFor("appraise"))]
FileToGrade = Annotated[AppraisalFile, Depends(FileFor("grade"))]
FileToApprove = Annotated[AppraisalFile, Depends(FileFor("approve"))]


@answers(e.NOT_FOUND)
async def readable_explanation(session: Session, file_id: UUID) -> ExplanationOut:
    """Of the result that stands, for who meets the file; what was disclosed, for the region's own staff."""
    file = await repository.one(session, file_id)
    if file is not None:
        standing = await repository.result(session, file) if file.state in RESULT_STANDS else None
        content = standing.explanation if standing else None
    else:
        told = await repository.disclosed(session, file_id)
        content = told.content if told else None
    if content is None:
        raise e.NotFound
    return views.explained(content)


Explanation = Annotated[ExplanationOut, Depends(readable_explanation)]
