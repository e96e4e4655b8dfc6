"""Plans and projects in the state that their features would have left them in: what waiting is derived from."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from sqlalchemy import update

from app.models.plans import Plan, PlanState, PlanVersion
from app.models.projects import BuildingStage, Membership, Project
from tests.world import Actor, World


async def plan(
    world: World,
    region: str,
    state: PlanState = PlanState.DRAFT,
    *,
    year: int = 2026,
    submitted_by: Actor | None = None,
    signed: tuple[Actor, datetime] | None = None,
) -> UUID:
    """A plan; `signed`: by whom and when its first version was signed and sent."""
    async with world.admin.administration() as session:
        made = Plan(
            id=uuid4(),
            region_code=region,
            year=year,
            state=state,
            latest_version=1 if signed else None,
            submitted_by=submitted_by.id if submitted_by else None,
            submitted_at=None,
        )
        session.add(made)
        await session.flush()
        if signed is not None:
            signer, at = signed
            session.add(
                PlanVersion(
                    plan_id=made.id,
                    number=1,
                    region_code=region,
                    content={},
                    content_hash="0" * 64,
                    submitted_by=(submitted_by or signer).id,
                    signed_by=signer.id,
                    signed_at=at,
                    document_number="示例〔2026〕1号",
                    document_date=date(2026, 3, 1),
                )
            )
    return made.id


async def move(world: World, plan_id: UUID, state: PlanState) -> None:
    async with world.admin.administration() as session:
        await session.execute(update(Plan).where(Plan.id == plan_id).values(state=state))


async def proposed(world: World, region: str, *, name: str = "示例项目", organisation: UUID | None = None) -> UUID:
    async with world.admin.administration() as session:
        made = Project(
            id=uuid4(),
            region_code=region,
            organisation_id=organisation,
            name=name,
            secondary_modes=[],
            membership=Membership.PROPOSED,
            building_stage=BuildingStage.RESERVE,
        )
        session.add(made)
    return made.id


def league_noon(day: int, month: int = 3) -> datetime:
    """Noon in the league (04:00 UTC)."""
    return datetime(2026, month, day, 4, tzinfo=UTC)
