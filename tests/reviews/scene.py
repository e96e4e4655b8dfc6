"""A panel and the people around it: officers, a pool of experts, and short words for what they do."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import registry
from app.core.canonical import digest
from app.core.db import Entry
from app.models.cases import Case, CaseRound
from app.models.declarations import Commitment, CommitmentText, Declaration
from app.models.identity import Employment, Role
from app.models.jobs import Job
from app.models.reviews import Assignment, Expert, Panel, ReviewCopy, SubjectOfReview
from app.reviews import jobs, service
from app.worker import Handler, Worker
from tests.reviews.ceremony import ceremony
from tests.world import Actor, World

REGION, OTHER = "152501", "152502"
YEAR = 2026
CRITERIA = [
    {"code": "innovation", "name": "模式创新性", "max": "10", "weight": "30"},
    {"code": "results", "name": "实际成效显著性", "max": "10", "weight": "40"},
    {"code": "regularity", "name": "运作规范性", "max": "5", "weight": "30"},
]
SCORES = {"innovation": "8.5", "results": "9", "regularity": "4"}
# 100 × (30 × 0.85 + 40 × 0.9 + 30 × 0.8) / 100
TOTAL = "85.5000"
CONTENT = {"title": "浑善达克治沙（示例）", "sections": [{"text": "全文（示例）"}]}


class _Loud(Worker):
    async def _put_back(self, job_id: UUID, claim: UUID, error: Exception) -> None:  # noqa: ARG002
        raise error


@dataclass
class Scene:
    world: World
    office: Actor
    experts: list[Actor]
    employer: UUID
    settled: list[UUID] = field(default_factory=list)
    committee: Actor | None = None
    cycle: UUID | None = None

    async def seeded(self, place: str) -> None:
        """The whole ceremony of a cycle or round, by this scene's office and somebody of the committee."""
        self.committee = self.committee or await self.world.person(Role.LEAGUE_COMMITTEE)
        await ceremony(self.office, self.committee, place)

    async def drain(self) -> int:
        """The worker; a job that fails fails the test."""
        return await _Loud(self.world.admin, self.handlers()).drain()

    def handlers(self) -> dict[str, Handler]:
        """This room's jobs; what they ask of the rooms above is noted down."""

        async def hear(_session: AsyncSession, job: Job) -> None:
            self.settled.append(UUID(job.payload["subject_id"]))

        return {**jobs.HANDLERS, "evaluations.settle": hear, "cases.settle": hear}

    async def panel(
        self,
        *,
        region: str = REGION,
        kind: SubjectOfReview = SubjectOfReview.EVALUATION,
        seats: int = 2,
        reserves: int = 1,
        quorum: int = 2,
        officer: Actor | None = None,
        content: dict[str, Any] | None = None,
        seeded: bool = True,
    ) -> Panel:
        """As evaluations and cases open one, in an officer's transaction, after the ceremony of its seed."""
        if kind is SubjectOfReview.CASE:
            subject, occasion = await self._case(region)
            place = f"/v1/case-rounds/{occasion}"
        else:
            subject, occasion = uuid4(), await self._cycle()
            place = f"/v1/evaluation-cycles/{occasion}"
        if seeded and not await self.world.rows("SELECT 1 FROM draw_seeds WHERE occasion_id = :id", id=occasion):
            await self.seeded(place)
        database = self.world.api.state.database
        async with database.transaction(Entry("person", (officer or self.office).id)) as session:
            return await service.open_panel(
                session,
                kind=kind,
                subject_id=subject,
                occasion_id=occasion,
                region_code=region,
                case_id=subject if kind is SubjectOfReview.CASE else None,
                year=YEAR - 1,
                criteria=CRITERIA,
                seats=seats,
                reserves=reserves,
                quorum=quorum,
                content=content or CONTENT,
                due_on=date(2026, 4, 30),
            )

    async def drawn(self, **options: Any) -> Panel:
        panel = await self.panel(**options)
        asked = await self.office.post(f"/v1/panels/{panel.id}/draw")
        assert asked.status_code == 202, asked.text
        await self.drain()
        return panel

    async def seats(self, panel: Panel, *, reserve: bool = False) -> list[tuple[Actor, str]]:
        """Who sits on the panel, with the path of the assignment, by position."""
        rows = await self.world.rows(
            "SELECT id, person_id FROM assignments WHERE panel_id = :panel AND is_reserve = :reserve ORDER BY position",
            panel=panel.id,
            reserve=reserve,
        )
        people = {expert.id: expert for expert in self.experts}
        return [(people[row.person_id], f"/v1/assignments/{row.id}") for row in rows]

    async def opened(self, expert: Actor, path: str) -> None:
        """Accepted, and declared to be without interests."""
        await done(expert, path, "accept")
        await self.world.renew(expert)
        await done(expert, path, "declare-conflict", NONE)

    async def submitted(self, expert: Actor, path: str, scores: dict[str, str] | None = None) -> None:
        await self.opened(expert, path)
        await self.scored(expert, path, scores)

    async def scored(self, expert: Actor, path: str, scores: dict[str, str] | None = None) -> None:
        saved = await save(expert, path, scores or SCORES)
        assert saved.status_code == 200, saved.text
        signed = await expert.post(f"{path}/score-sheet/submit", etag=saved.headers["etag"])
        assert signed.status_code == 200, signed.text

    async def state(self, panel: Panel) -> str:
        return str((await self.world.rows("SELECT state FROM panels WHERE id = :id", id=panel.id))[0].state)

    async def _cycle(self) -> UUID:
        """Of a year that no other scene evaluates."""
        if self.cycle is None:
            [scheme] = (await self.office.get("/v1/evaluation-schemes")).json()["items"]
            body = {"assessment_year": 2020, "scheme_id": scheme["id"], "due_on": "2021-04-30"}
            made = await self.office.post("/v1/evaluation-cycles", body)
            assert made.status_code == 201, made.text
            self.cycle = UUID(made.json()["id"])
        return self.cycle

    async def _case(self, region: str) -> tuple[UUID, UUID]:
        """A recommended case, as the region left it, and its round."""
        now = self.world.api.state.database.clock.now()
        editor = await self.world.person((Role.REGION_EDITOR, region))
        async with self.world.admin.administration() as session:
            held = CaseRound(
                id=uuid4(),
                year=2000 + len(await self.world.rows("SELECT id FROM case_rounds")),
                title="典型案例遴选（示例）",
                due_on=date(2026, 6, 30),
                quota=2,
                selected_at_most=3,
                criteria=CRITERIA,
                criteria_sha256="0" * 64,
                phase="open",
            )
            session.add(held)
            await session.flush()
            case = Case(
                id=uuid4(),
                round_id=held.id,
                region_code=region,
                title="浑善达克治沙（示例）",
                state="recommended",
                prepared_by=editor.id,
                recommended_by=editor.id,
                recommended_at=now,
            )
            session.add(case)
        return case.id, held.id

    async def expert(
        self, *more: Role, employed_at: UUID | None = None, pool: bool = True, judges: bool = True
    ) -> Actor:
        """Somebody with the role, an employer, this year's commitment and declaration, in the pool."""
        actor = await self.world.person(Role.EXPERT, *more, name="示例专家")
        async with self.world.admin.administration() as session:
            await registry.lock(session, actor.id)
            session.add(
                Employment(
                    id=uuid4(),
                    person_id=actor.id,
                    organisation_id=employed_at or self.employer,
                    kind="staff",
                    posted_region=None,
                    position=None,
                    starts_on=date(2015, 1, 1),
                    ends_on=None,
                )
            )
            if pool:
                session.add(
                    Expert(person_id=actor.id, specialties=["草原生态（示例）"], active=True, term_ends_on=None)
                )
            if judges:
                await promise(session, self.world, actor)
        await self.world.renew(actor)
        return actor


NONE = {"has_interests": False}
INTERESTS = {
    "has_interests": True,
    "interests": [{"relation_code": "kinship", "statement": "配偶在该地区任职（示例）"}],
}


async def promise(session: AsyncSession, world: World, actor: Actor) -> None:
    """This year's commitment and declaration, without interests. The person is locked by the caller."""
    now = world.api.state.database.clock.now()
    text = {"version": 9001, "text_zh": "承诺书（示例）", "sha256": "0" * 64, "is_example": True}
    await session.execute(insert(CommitmentText).values(text).on_conflict_do_nothing())
    session.add(
        Commitment(id=uuid4(), person_id=actor.id, year=YEAR, text_version=9001, text_sha256="0" * 64, signed_at=now)
    )
    session.add(
        Declaration(
            id=uuid4(),
            person_id=actor.id,
            year=YEAR,
            assignment_id=None,
            has_interests=False,
            interests=[],
            declared_at=now,
        )
    )
    await session.flush()


async def seat(
    session: AsyncSession, world: World, actor: Actor, *, state: str, kind: SubjectOfReview = SubjectOfReview.EVALUATION
) -> Assignment:
    """A panel of one, as if the person had walked the way up to this state. The person is locked by the caller."""
    subject = uuid4()
    case = subject if kind is SubjectOfReview.CASE else None
    panel = Panel(
        id=uuid4(),
        subject_kind=kind,
        subject_id=subject,
        occasion_id=uuid4(),
        region_code=REGION,
        case_id=case,
        year=YEAR - 1,
        criteria=CRITERIA,
        seats=1,
        reserves=0,
        quorum=1,
        state="reviewing",
    )
    session.add(panel)
    await session.flush()
    of_panel: dict[str, Any] = {"panel_id": panel.id, "region_code": REGION, "case_id": case}
    now = world.api.state.database.clock.now()
    session.add(ReviewCopy(**of_panel, content=CONTENT, content_sha256=digest(CONTENT), frozen_at=now))
    assignment = Assignment(
        **of_panel,
        id=uuid4(),
        subject_kind=kind,
        subject_id=subject,
        person_id=actor.id,
        position=1,
        is_reserve=False,
        method="drawn",
        state=state,
    )
    session.add(assignment)
    await session.flush()
    return assignment


async def make_scene(world: World, *, pool: int = 4) -> Scene:
    scene = Scene(
        world,
        office=await world.person(Role.LEAGUE_OFFICE),
        experts=[],
        employer=await world.organisation(region_code="152500", kind="institute"),
    )
    for _ in range(pool):
        scene.experts.append(await scene.expert())
    return scene


async def done(actor: Actor, path: str, action: str, body: Any = None) -> dict[str, Any]:
    answer = await actor.act(path, action, body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def save(actor: Actor, path: str, scores: dict[str, str], **more: Any) -> Any:
    """PUT with the ETag that stands."""
    seen = await actor.get(f"{path}/score-sheet")
    assert seen.status_code == 200, seen.text
    return await put(actor, f"{path}/score-sheet", {"scores": scores, **more}, etag=seen.headers["etag"])


async def put(actor: Actor, path: str, body: Any, *, etag: str | None = None) -> Any:
    return await actor.client.put(path, json=body, headers={"If-Match": etag} if etag is not None else {})


async def order_recusal(scene: Scene, decider: Actor, person: Actor, region: str = REGION) -> dict[str, Any]:
    """决定回避 by an officer: in effect when this returns."""
    answer = await decider.post(
        "/v1/recusals",
        {
            "initiator": "ex_officio",
            "person_id": str(person.id),
            "region_code": region,
            "relation_code": "kinship",
            "statement": "查实的关系（示例）",
        },
    )
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def decide_recusal(scene: Scene, person: Actor, outcome: str = "in_force") -> None:
    """By somebody who had no part in it: all that is open on the person."""
    inspector = await scene.world.person(Role.DISCIPLINE_INSPECTOR)
    for recusal in (await inspector.get("/v1/recusals", params={"person_id": str(person.id)})).json()["items"]:
        if recusal["state"] in {"pending", "provisional"}:
            body = {"outcome": outcome, "reason": "审查属实（示例）"}
            answer = await inspector.act(f"/v1/recusals/{recusal['id']}", "decide", body)
            assert answer.status_code == 200, answer.text
