"""Rounds of the reviewers: to score, to be named for a panel, to refresh a token, to change employer."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import passwords, registry
from app.models.identity import Employment, RefreshToken, Role
from app.models.reviews import Expert, Panel, ReviewCopy, ScoreSheet
from tests.races.duel import Act, Duel, Field, Round, Server
from tests.races.files import file_of
from tests.reviews.scene import CONTENT, CRITERIA, REGION, SCORES, YEAR, promise, seat
from tests.world import Actor

STATEMENT = {"relation_code": "kinship", "statement": "查实的关系（示例）"}


def recusing(ground: Field, person: Actor, *, by_self: bool) -> Act:
    """自行回避, or by order of an officer who stands by."""

    async def recuse(server: Server) -> None:
        whose = {"initiator": "self"} if by_self else {"initiator": "ex_officio", "person_id": str(person.id)}
        by = person if by_self else ground.orderer
        await server.post("recuse", by, "/v1/recusals", {**whose, **STATEMENT, "region_code": REGION})

    return recuse


async def _employed(session: AsyncSession, ground: Field, person: Actor) -> None:
    session.add(
        Employment(
            id=uuid4(),
            person_id=person.id,
            organisation_id=ground.scene.employer,
            kind="staff",
            starts_on=date(2015, 1, 1),
        )
    )


async def reviewer(ground: Field, *, saved: bool) -> tuple[Actor, str]:
    """Somebody with the dossier open, and the path of the assignment; a sheet is saved, or none was begun yet."""
    world = ground.world
    person = await world.person(Role.EXPERT, name="示例专家")
    async with world.admin.administration() as session:
        await registry.lock(session, person.id)
        await _employed(session, ground, person)
        await promise(session, world, person)
        place = await seat(session, world, person, state="declared")
        await file_of(session, place.subject_id)
        if saved:
            of = {"assignment_id": place.id, "panel_id": place.panel_id, "person_id": person.id, "region_code": REGION}
            session.add(ScoreSheet(**of, id=uuid4(), scores=SCORES, state="draft", salt=uuid4()))
    await world.renew(person)
    return person, f"/v1/assignments/{place.id}"


def scoring(ground: Field, person: Actor, path: str, *, saved: bool) -> Act:
    """Saves, signs, or both."""
    sign, again = ground.chance.random() < 0.6, ground.chance.random() < 0.5

    async def score(server: Server) -> None:
        version = int(saved)
        if again or not (sign and saved):
            changed = {"scores": {**SCORES, "innovation": "7"}}
            kept = await server.post("save", person, f"{path}/score-sheet", changed, version=version, method="PUT")
            version += kept.status_code == 200
        if sign:
            await server.post("submit", person, f"{path}/score-sheet/submit", version=version)

    return score


async def to_score(ground: Field, number: int) -> Round:
    saved = number % 2 == 0
    person, path = await reviewer(ground, saved=saved)
    barring = recusing(ground, person, by_self=ground.chance.random() < 0.5)
    return Round(scoring(ground, person, path, saved=saved), barring)


async def to_assign(ground: Field, number: int) -> Round:
    """A panel with an open seat, and somebody of the pool for it. The worker fills from the pool what falls open."""
    world = ground.world
    person = await world.person(Role.EXPERT, name="示例专家")
    panel = Panel(
        id=uuid4(),
        subject_kind="evaluation",
        subject_id=uuid4(),
        occasion_id=uuid4(),
        region_code=REGION,
        year=YEAR - 1,
        criteria=CRITERIA,
        seats=1,
        reserves=0,
        quorum=1,
        state="forming",
    )
    async with world.admin.administration() as session:
        await registry.lock(session, person.id)
        await _employed(session, ground, person)
        session.add(Expert(person_id=person.id, specialties=[], active=True, term_ends_on=None))
        session.add(panel)
        await session.flush()
        await file_of(session, panel.subject_id)
        of: dict[str, Any] = {"panel_id": panel.id, "region_code": REGION}
        session.add(ReviewCopy(**of, content=CONTENT, content_sha256="0" * 64, frozen_at=world.admin.clock.now()))
    await world.renew(person)
    named = {"person_id": str(person.id), "reason": "专业所需（示例）"}

    async def assign(server: Server) -> None:
        await server.post("assign", ground.scene.office, f"/v1/panels/{panel.id}/assign", named)

    return Round(assign, recusing(ground, person, by_self=number % 2 == 0))


async def to_refresh(ground: Field, number: int) -> Round:
    """A login's refresh token, used while its holder is being recused: the new token must know."""
    person, path = await reviewer(ground, saved=True)
    world, secret = ground.world, uuid4().hex
    now = world.admin.clock.now()
    async with world.admin.administration() as session:
        session.add(
            RefreshToken(
                id=uuid4(),
                family_id=uuid4(),
                person_id=person.id,
                digest=passwords.secret_digest(secret),
                scopes=None,
                issued_at=now,
                expires_at=now + timedelta(hours=8),
                used_at=None,
                revoked_at=None,
            )
        )

    async def refresh(server: Server) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": secret}
        answered = await server.client.post("/v1/auth/token", data=form)
        granted = answered.json()
        reviews = "evaluations:review" in granted.get("scope", "").split()
        server.tally.answers["refreshed to review" if reviews else "refreshed", answered.status_code] += 1
        ground.tokens.append((str(granted.get("access_token")), path))

    return Round(refresh, recusing(ground, person, by_self=number % 2 == 0))


async def to_employ(ground: Field, number: int) -> Round:
    """The region employs the reviewer: a recusal by itself, beside another one, and beside a signature."""
    saved = number % 2 == 0
    person, path = await reviewer(ground, saved=saved)
    body = {"organisation_id": str(ground.government), "kind": "staff", "starts_on": "2026-03-01"}
    score = scoring(ground, person, path, saved=saved)
    order = recusing(ground, person, by_self=False)
    twice = ground.chance.random() < 0.5

    async def employ(server: Server) -> None:
        await server.post("employ", ground.admin, f"/v1/people/{person.id}/employments", body)

    return Round(order, employ) if twice else Round(score, employ)


RECUSED = frozenset({201})
WRITTEN = frozenset({200, 401})
DUELS = (
    Duel(
        "score",
        to_score,
        {"save": WRITTEN, "submit": WRITTEN, "recuse": RECUSED},
        frozenset({(act, status) for act in ("save", "submit") for status in WRITTEN}),
    ),
    Duel(
        "assign",
        to_assign,
        {"assign": frozenset({201, 409}), "recuse": RECUSED},
        frozenset({("assign", 201), ("assign", 409)}),
    ),
    Duel(
        "refresh",
        to_refresh,
        {"refreshed": frozenset({200}), "refreshed to review": frozenset({200}), "recuse": RECUSED},
        frozenset({("refreshed", 200), ("refreshed to review", 200)}),
    ),
    Duel(
        "employment",
        to_employ,
        {"employ": frozenset({201}), "save": WRITTEN, "submit": WRITTEN, "recuse": RECUSED},
        frozenset({("submit", 200), ("submit", 401), ("recuse", 201)}),
    ),
)
