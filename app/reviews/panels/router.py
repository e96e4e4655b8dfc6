"""Panels (评审组): how the office fills them (Art. 9, 13)."""

from fastapi import Response

from app.auth.dependencies import Session
from app.core.errors import NotFound
from app.core.etag import Replies
from app.core.routing import router
from app.reviews import service as panels
from app.reviews.assignments import repository as assignments
from app.reviews.assignments import service
from app.reviews.assignments.schemas import AssignmentDetail, NamedIn
from app.reviews.assignments.views import show_detail
from app.reviews.dependencies import CHANGES_NAMED
from app.reviews.panels import views
from app.reviews.panels.dependencies import Manager, Organiser, PanelToDraw, PanelToFill, VisiblePanel
from app.reviews.panels.schemas import PanelOut

routes = router("/v1/panels", tag="reviews")


@routes.get("/{panel_id}", response_model=PanelOut, summary="Get a panel")
async def get_panel(caller: Manager, panel: VisiblePanel, session: Session, reply: Replies) -> Response:
    """Seats, quorum, and how many members are how far. A panel is made when its subject goes to review."""
    return reply(await views.show(session, caller, panel), version=panel.version)


@routes.post("/{panel_id}/draw", status_code=202, response_class=Response, summary="Draw a panel's members")
async def draw_panel(_caller: Organiser, panel: PanelToDraw, session: Session, reply: Replies) -> Response:
    """随机抽取 of open seats and reserves among who is eligible, by the worker, by the seed of the cycle or round.
    Any officer may ask: nothing of the draw is in anybody's hands. Asked twice before it is made, it is made once; 409
    `state_conflict`, reason `seed_not_open`, before both shares of the seed are open, or `no_open_seat`, where seats
    and reserve are filled."""
    await panels.ask_for(session, "reviews.draw", panel, cause=f"{panel.id}:{panel.version}")
    return reply.asked(location=f"/v1/panels/{panel.id}")


@routes.post(
    "/{panel_id}/assign",
    status_code=201,
    response_model=AssignmentDetail,
    summary="Assign an expert by name",
    dependencies=[CHANGES_NAMED],
)
async def assign_expert(
    caller: Organiser, panel: PanelToFill, session: Session, reply: Replies, body: NamedIn
) -> Response:
    """Instead of a draw, with the reason. 409 `conflict`, reason `ineligible`, for whoever cannot sit on this
    panel, without saying why."""
    assignment_id = await service.assign(session, panel, body)
    found = await assignments.one(session, assignment_id)
    if found is None:
        raise NotFound
    place = f"/v1/assignments/{assignment_id}"
    return reply(show_detail(caller, *found), version=found[0].version, location=place, created=True)
