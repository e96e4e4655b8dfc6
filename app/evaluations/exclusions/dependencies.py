"""The list is read with its self-evaluation, and written by the region's editor while that may still be edited."""

from typing import Annotated

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session
from app.core import errors as e
from app.core.routing import answers
from app.evaluations.dependencies import VisibleEvaluation, lock_for
from app.models.evaluations import Evaluation


@answers(e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT)
async def editable_evaluation(session: Session, caller: AnyCaller, evaluation: VisibleEvaluation) -> Evaluation:
    """Alone on it: two lists at once would be one of both."""
    return await lock_for(session, caller, evaluation, "edit")


EditableEvaluation = Annotated[Evaluation, Depends(editable_evaluation)]
