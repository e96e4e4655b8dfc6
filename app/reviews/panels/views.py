"""A panel as the office meets it."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.workflow import Actor, Verdict
from app.models.reviews import LIVE, AssignmentState, Panel, SubjectOfReview
from app.reviews import repository
from app.reviews.panels.schemas import PanelOut
from app.reviews.rules import NO_OPEN_SEAT, PANEL
from app.reviews.seeds import repository as seeds
from app.reviews.seeds.rules import SEED_NOT_OPEN


def actor_of(caller: Caller, panel: Panel) -> Actor:
    """Whoever is recused from the subject does not get here: the panel is hidden."""
    return caller.actor(panel.region_code, recused=False)


async def full(session: AsyncSession, panel: Panel, verdict: Verdict) -> Verdict:
    """A name takes an open seat, a draw an open seat or place in reserve: with none there is nothing to do. Nobody is
    drawn before the shares of the seed are open."""
    if not verdict.allowed or verdict.action not in {"draw", "assign"}:
        return verdict
    counted = await repository.counts(session, panel.id)
    is_open = sum(counted.get((state, False), 0) for state in LIVE) < panel.seats
    if verdict.action == "draw":
        if not await seeds.is_open(session, panel.occasion_id):
            return Verdict(verdict.action, SEED_NOT_OPEN)
        is_open = is_open or counted.get((AssignmentState.INVITED, True), 0) < panel.reserves
    return verdict if is_open else Verdict(verdict.action, NO_OPEN_SEAT)


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
        allowed_actions=shown([await full(session, panel, verdict) for verdict in verdicts]),
    )
