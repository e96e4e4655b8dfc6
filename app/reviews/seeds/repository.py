"""The SQL of seeds. Of shares and lists only jobs read: a request writes them through the gate."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.draws import DrawRecord, DrawSecret, DrawSeed
from app.models.reviews import Draw, Panel
from app.reviews.seeds.rules import Occasion

_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended('draw-seed:' || :id, 0))")


async def hold(session: AsyncSession, occasion_id: UUID) -> None:
    """Alone with the ceremony: what is looked at afterwards stays so. Nobody of the requests may lock its row."""
    await session.execute(_HOLD, {"id": str(occasion_id)})


async def seed(session: AsyncSession, occasion: Occasion) -> DrawSeed:
    """How far the ceremony is; before the first commitment an empty one of version 0, which is not stored."""
    found = await session.get(DrawSeed, occasion.id, populate_existing=True)
    return found or DrawSeed(occasion_id=occasion.id, kind=occasion.kind, version=0)


async def is_open(session: AsyncSession, occasion_id: UUID) -> bool:
    opened = DrawSeed.office_opened_at.is_not(None) & DrawSeed.committee_opened_at.is_not(None)
    return bool(await session.scalar(select(opened).where(DrawSeed.occasion_id == occasion_id)))


async def commit_share(
    session: AsyncSession, occasion: Occasion, party: str, commitment: str, *, salt: str, at: datetime, on_day: date
) -> str:
    arguments = (occasion.kind, occasion.id, party, commitment, salt, at, on_day)
    return str(await session.scalar(select(func.gate.commit_share(*arguments))))


async def open_share(session: AsyncSession, occasion: Occasion, party: str, share: str, *, at: datetime) -> str:
    return str(await session.scalar(select(func.gate.open_share(occasion.kind, occasion.id, party, share, at))))


async def record(session: AsyncSession, occasion_id: UUID) -> DrawRecord | None:
    return await session.get(DrawRecord, occasion_id)


# From here on for jobs only: they see all rows.


async def secret(session: AsyncSession, occasion_id: UUID) -> DrawSecret | None:
    """List, salt and shares, once both shares are open."""
    found = await session.get(DrawSecret, occasion_id)
    return found if found is not None and found.office_share and found.committee_share else None


async def draws(session: AsyncSession, occasion_id: UUID) -> list[tuple[UUID, Draw]]:
    """(subject, draw) of all panels of the cycle or round that were drawn by its seed. In the order of the subjects'
    ids: nothing of regions is in it."""
    rows = await session.execute(
        select(Panel.subject_id, Draw)
        .join(Draw, Draw.panel_id == Panel.id)
        .where(Panel.occasion_id == occasion_id, Draw.seed.is_(None))
        .order_by(Panel.subject_id, Draw.number)
    )
    return [(subject, draw) for subject, draw in rows]
