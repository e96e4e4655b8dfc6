"""Items are read where their self-evaluation is read, and written under a shared lock on it in an editable state.

Submitting and signing take its row alone, so whatever was written before is in what is frozen, and nothing after.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session
from app.core import errors as e
from app.core.actions import insist
from app.core.etag import IfMatch
from app.core.routing import answers
from app.evaluations import repository as evaluations
from app.evaluations import views
from app.evaluations.dependencies import VisibleEvaluation, lock_for
from app.evaluations.items import repository
from app.evaluations.items.schemas import EvaluationItemOut, EvaluationItems
from app.evaluations.rules import WORKFLOW, judge_person
from app.models.evaluations import EvaluationItem


async def readable_items(session: Session, caller: AnyCaller, evaluation: VisibleEvaluation) -> EvaluationItems:
    """Of the working copy for the region's own staff, of the latest version for everybody else."""
    if views.reads_working_copy(caller, evaluation):
        rows = await evaluations.items(session, evaluation.id)
        return EvaluationItems(items=[EvaluationItemOut.model_validate(row) for row in rows])
    version = await evaluations.latest_version(session, evaluation)
    # The row policy shows what was never sent to the region's own staff only.
    assert version is not None  # noqa: S101
    return EvaluationItems(items=[EvaluationItemOut.frozen(item) for item in version.content["items"]])


Readable = Annotated[EvaluationItems, Depends(readable_items)]


@answers(e.NOT_FOUND)
async def readable_item(items: Readable, item_id: UUID) -> EvaluationItemOut:
    found = next((item for item in items.items if item.id == item_id), None)
    if found is None:
        raise e.NotFound
    return found


class ItemToChange:
    """An item of the working copy, locked, with its self-evaluation held editable, and as the caller saw it."""

    problems = (e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT)

    async def __call__(
        self,
        session: Session,
        caller: AnyCaller,
        evaluation: VisibleEvaluation,
        item_id: UUID,
        precondition: IfMatch,
    ) -> EvaluationItem:
        actor = await views.actor_of(session, caller, evaluation.region_code)
        insist(judge_person("edit", actor), WORKFLOW.transitions["edit"].scope)
        if await repository.one(session, evaluation.id, item_id) is None:
            raise e.NotFound
        await lock_for(session, caller, evaluation, "edit", share=True)
        item = await repository.one(session, evaluation.id, item_id, lock=True)
        if item is None:
            raise e.NotFound
        precondition.check(item.version)
        return item


ReadableItem = Annotated[EvaluationItemOut, Depends(readable_item)]
ToChange = Annotated[EvaluationItem, Depends(ItemToChange())]
