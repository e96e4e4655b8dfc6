"""Names that a region asks to leave out of its panel (列名回避建议, Art. 11)."""

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.routing import router
from app.evaluations.dependencies import Reader, VisibleEvaluation, Writer
from app.evaluations.exclusions import repository, service
from app.evaluations.exclusions.dependencies import EditableEvaluation
from app.evaluations.exclusions.schemas import ExclusionOut, Exclusions, ExclusionsIn
from app.models.evaluations import Evaluation

routes = router("/v1/evaluations/{evaluation_id}/exclusions", tag="evaluations")


@routes.get("", response_model=Exclusions, summary="List whom the region would rather leave out")
async def list_exclusions(_caller: Reader, evaluation: VisibleEvaluation, session: Session, reply: Replies) -> Response:
    """For the region's own staff, and for deciders who are not recused from it; empty for everybody else."""
    return reply(await _shown(session, evaluation), version=evaluation.version)


@routes.put("", response_model=Exclusions, summary="Name whom the region would rather leave out")
async def replace_exclusions(
    caller: Writer, evaluation: EditableEvaluation, session: Session, reply: Replies, body: ExclusionsIn
) -> Response:
    """The whole list, three names at most, each with a reason, in the states `draft` and `returned`. Advisory: whoever
    bears the name is drawn only where nobody else is left. For a known relation apply for a recusal instead
    (`POST /v1/recusals`)."""
    await service.replace(session, caller, evaluation, body)
    return reply(await _shown(session, evaluation), version=evaluation.version)


async def _shown(session: AsyncSession, evaluation: Evaluation) -> Exclusions:
    names = await repository.named(session, evaluation.id)
    return Exclusions(items=[ExclusionOut.model_validate(name) for name in names])
