"""Items of a plan: read where the plan is read, written under a shared lock on the plan in an editable state.

Submitting takes the plan's row alone, so whatever was written before it is in what is frozen, and nothing is
written after it.
"""

from typing import Annotated, Generic
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session
from app.core import errors as e
from app.core.actions import insist
from app.core.etag import IfMatch
from app.models.plans import Plan
from app.plans import views
from app.plans.dependencies import VisiblePlan, lock_for
from app.plans.items import repository
from app.plans.items.kinds import Kind, Out, Row
from app.plans.rules import WORKFLOW, judge_person

_PROBLEMS = (e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT)


class PlanToFill:
    """The plan, held in an editable state while an item is added."""

    problems = (*_PROBLEMS, e.CONFLICT)

    async def __call__(self, session: Session, caller: AnyCaller, plan: VisiblePlan) -> Plan:
        return await lock_for(session, caller, plan, "edit", share=True)


class VisibleItem(Generic[Row, Out]):
    """An item of the working copy, or of the latest version, whichever the caller reads."""

    problems = (e.NOT_FOUND,)

    def __init__(self, kind: Kind[Row, Out]) -> None:
        self.kind = kind

    async def __call__(self, session: Session, caller: AnyCaller, plan: VisiblePlan, item_id: UUID) -> Out:
        working = views.reads_working_copy(caller, plan)
        find = repository.one if working else repository.one_frozen
        item = await find(session, self.kind, plan, item_id)
        if item is None:
            raise e.NotFound
        return self.kind.show(item)


class ItemToChange(Generic[Row, Out]):
    """An item of the working copy, locked, with its plan held editable, and as the caller saw it."""

    problems = (*_PROBLEMS, e.CONFLICT)

    def __init__(self, kind: Kind[Row, Out]) -> None:
        self.kind = kind

    async def __call__(
        self, session: Session, caller: AnyCaller, plan: VisiblePlan, item_id: UUID, precondition: IfMatch
    ) -> Row:
        actor = await views.actor_of(session, caller, plan)
        insist(judge_person("edit", actor), WORKFLOW.transitions["edit"].scope)
        if await repository.one(session, self.kind, plan, item_id) is None:
            raise e.NotFound
        await lock_for(session, caller, plan, "edit", share=True)
        item = await repository.one(session, self.kind, plan, item_id, lock=True)
        if item is None:
            raise e.NotFound
        precondition.check(item.version)
        return item


HeldPlan = Annotated[Plan, Depends(PlanToFill())]
