"""A panel as the office meets it."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.workflow import Actor
from app.models.reviews import AssignmentState, Panel, SubjectOfReview
from app.reviews import repository
from app.reviews.panels.schemas import PanelOut
from app.reviews.rules import PANEL


def actor_of(caller: Caller, panel: Panel) -> Actor:
    """Whoever is recused from the subject does not get here: the panel is hidden."""
    return caller.actor(panel.region_code, recused=False)


async def show(session: AsyncSession, caller: Caller, panel: Panel) -> PanelOut:
    counted = await repository.counts(session, panel.id)
    verdicts = PANEL[SubjectOfReview(panel.subject_kind)].verdicts(panel.state, actor_of(caller, panel))
    return PanelOut.of(
        **{
            name: getattr(panel, name)
            for name in PanelOut.model_fields
            if name not in {"members", "draws", "allowed_actions"}
        },
        members={
            **{state: counted.get((state, False), 0) for state in AssignmentState},
            "in_reserve": sum(count for (_, is_reserve), count in counted.items() if is_reserve),
        },
        draws=[
            {"drawn_at": draw.drawn_at, "candidates_sha256": draw.candidates_sha256}
            for draw in await repository.draws(session, panel.id)
        ],
        allowed_actions=shown(verdicts),
    )
