"""Who runs panels: the office, where it is not recused. For everybody else, and for whoever is, they are not there."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist
from app.core.routing import answers
from app.models.reviews import Panel, SubjectOfReview
from app.reviews import repository
from app.reviews.panels.views import actor_of, full
from app.reviews.rules import PANEL

Manager = Annotated[Caller, requires("evaluations:manage", "cases:manage")]
Organiser = Annotated[Caller, acts("evaluations:manage", "cases:manage")]


@answers(e.NOT_FOUND)
async def visible_panel(session: Session, panel_id: UUID) -> Panel:
    panel = await repository.panel(session, panel_id)
    if panel is None:
        raise e.NotFound
    return panel


VisiblePanel = Annotated[Panel, Depends(visible_panel)]


class PanelFor:
    """The panel, locked, where the caller may do `action` now."""

    problems = (e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT, e.CONFLICT)

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, session: Session, caller: AnyCaller, panel: VisiblePanel) -> Panel:
        workflow = PANEL[SubjectOfReview(panel.subject_kind)]
        scope = workflow.transitions[self.action].scope
        insist(workflow.judge(self.action, panel.state, actor_of(caller, panel)), scope)
        locked = await repository.locked_panel(session, panel.id)
        if locked is None:
            raise e.NotFound
        verdict = workflow.judge(self.action, locked.state, actor_of(caller, locked))
        insist(await full(session, locked, verdict), scope)
        return locked


PanelToDraw = Annotated[Panel, Depends(PanelFor("draw"))]
PanelToFill = Annotated[Panel, Depends(PanelFor("assign"))]
