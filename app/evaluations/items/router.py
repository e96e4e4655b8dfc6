"""Items of a self-evaluation: one for each criterion of the method."""

from fastapi import Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.routing import router
from app.evaluations.dependencies import Reader, Writer
from app.evaluations.items import service
from app.evaluations.items.dependencies import Readable, ReadableItem, ToChange
from app.evaluations.items.schemas import EvaluationItemOut, EvaluationItemPatch, EvaluationItems

routes = router("/v1/evaluations/{evaluation_id}/items", tag="evaluations")


@routes.get("", response_model=EvaluationItems, summary="List a self-evaluation's items")
async def list_evaluation_items(_caller: Reader, items: Readable, reply: Replies) -> Response:
    """All of them: of the working copy for the region's staff, of the latest version for everybody else."""
    return reply(items)


@routes.get("/{item_id}", response_model=EvaluationItemOut, summary="Get an item")
async def get_evaluation_item(_caller: Reader, item: ReadableItem, reply: Replies) -> Response:
    """Pre-filled figures with their sources, the region's figure, statement and evidence; an ETag of its own."""
    return reply(item, version=item.version or 1)


@routes.patch("/{item_id}", response_model=EvaluationItemOut, summary="Complete an item")
async def update_evaluation_item(
    _caller: Writer, item: ToChange, session: Session, reply: Replies, body: EvaluationItemPatch
) -> Response:
    """As the region's editor, in the states `draft` and `returned`. The pre-filled figures stay as they were read."""
    await service.change(session, item, body)
    return reply(EvaluationItemOut.model_validate(item), version=item.version)
