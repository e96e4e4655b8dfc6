"""People who declare, apply and decide; panels, sheets and files set up as the worker would."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text

from app.auth import registry
from app.models.evaluations import AppraisalFile, EvaluationCycle, EvaluationScheme
from app.models.identity import Role
from app.models.projects import Project
from app.models.reviews import Assignment, Expert, Panel, ReviewCopy, ScoreSheet
from tests.world import Actor, World

REGION, OTHER = "152501", "152502"
YEAR = 2026
DECIDED = {"reason": "情况属实（示例）", "legal_basis": "civil_servants_76"}


@dataclass
class Seat:
    """One person's place on one region's panel."""

    panel: UUID
    assignment: UUID
    sheet: UUID | None
    evaluation: UUID
    file: UUID


@dataclass
class Scene:
    """Two officers of the office, a discipline inspector, an expert, an editor of the region."""

    world: World
    office: Actor
    second: Actor
    inspector: Actor
    expert: Actor
    editor: Actor

    async def seat(
        self, person: Actor, *, region: str = REGION, state: str = "done", appraised_by: UUID | None = None
    ) -> Seat:
        """A panel with one assignment; with a submitted sheet where it is done; and the region's appraisal file."""
        async with self.world.admin.administration() as session:
            await registry.lock(session, person.id)
            cycle = await self._cycle(session)
            panel = Panel(
                id=uuid4(),
                subject_kind="evaluation",
                subject_id=uuid4(),
                occasion_id=cycle,
                region_code=region,
                year=YEAR,
                criteria=[],
                seats=1,
                reserves=0,
                quorum=1,
                state="reviewing",
            )
            session.add(panel)
            await session.flush()
            assignment = Assignment(
                id=uuid4(),
                panel_id=panel.id,
                subject_kind="evaluation",
                subject_id=panel.subject_id,
                region_code=region,
                person_id=person.id,
                position=1,
                is_reserve=False,
                method="drawn",
                state=state,
            )
            copy = ReviewCopy(
                panel_id=panel.id, region_code=region, content={}, content_sha256="0", frozen_at=self.now()
            )
            session.add_all([assignment, copy])
            await session.flush()
            sheet = None
            if state == "done":
                sheet = ScoreSheet(
                    id=uuid4(),
                    assignment_id=assignment.id,
                    panel_id=panel.id,
                    region_code=region,
                    person_id=person.id,
                    scores={"a": "8.0"},
                    state="submitted",
                    total=Decimal("8.0"),
                    salt=uuid4(),
                    submitted_at=self.now(),
                )
                session.add(sheet)
            file = AppraisalFile(
                id=uuid4(),
                evaluation_id=panel.subject_id,
                cycle_id=cycle,
                region_code=region,
                state="appraised" if appraised_by else "under_review",
                stale=False,
                blocked_quorum=False,
                under_correction=False,
                appraisal_score=Decimal("9.0") if appraised_by else None,
                appraised_by=appraised_by,
            )
            session.add(file)
            await session.flush()
        await self.world.renew(person)
        return Seat(panel.id, assignment.id, sheet.id if sheet else None, panel.subject_id, file.id)

    async def in_pool(self, person: Actor) -> None:
        """Employed outside the regions and a member of the expert pool: eligible."""
        employer = await self.world.organisation(region_code="152500")
        async with self.world.admin.administration() as session:
            await registry.lock(session, person.id)
            session.add(Expert(person_id=person.id, specialties=[], active=True))
            await session.execute(
                text(
                    "INSERT INTO employments (id, person_id, organisation_id, kind, starts_on, version, created_at, "
                    "updated_at) VALUES (:id, :person, :employer, 'staff', :day, 1, :now, :now)"
                ),
                {"id": uuid4(), "person": person.id, "employer": employer, "day": date(2020, 1, 1), "now": self.now()},
            )
        await self.world.renew(person)

    async def project(self, organisation: UUID, *, region: str = REGION, membership: str = "in_library") -> UUID:
        async with self.world.admin.administration() as session:
            project = Project(
                id=uuid4(),
                region_code=region,
                organisation_id=organisation,
                name=f"示例项目{uuid4().hex[:6]}（示例）",
                secondary_modes=[],
                membership=membership,
                building_stage="reserve",
            )
            session.add(project)
        return project.id

    async def order(self, person: Actor, by: Actor | None = None, **subject: Any) -> str:
        """An ex-officio recusal's path; the person's new token is fetched."""
        made = await (by or self.office).post("/v1/recusals", order(person, **subject))
        assert made.status_code == 201, made.text
        await self.world.renew(person)
        return str(made.headers["location"])

    async def own(self, person: Actor, **subject: Any) -> UUID:
        """One's own recusal; its id."""
        made = await person.post("/v1/recusals", own(**subject))
        assert made.status_code == 201, made.text
        await self.world.renew(person)
        return UUID(made.json()["id"])

    async def applied(self, person: Actor, by: Actor, **subject: Any) -> UUID:
        """An application; its id, as the database knows it."""
        taken = await by.post("/v1/recusals", application(person.id, **subject))
        assert (taken.status_code, taken.content) == (202, b""), taken.text
        rows = await self.world.rows("SELECT id FROM recusals WHERE initiated_by = :by ORDER BY declared_at", by=by.id)
        return UUID(str(rows[-1].id))

    async def state(self, seat: Seat) -> tuple[str, str | None, bool]:
        """Of assignment, sheet and file's staleness."""
        [row] = await self.world.rows(
            "SELECT a.state, s.state AS sheet, f.stale FROM assignments AS a "
            "LEFT JOIN score_sheets AS s ON s.assignment_id = a.id "
            "JOIN appraisal_files AS f ON f.evaluation_id = a.subject_id WHERE a.id = :id",
            id=seat.assignment,
        )
        return row.state, row.sheet, row.stale

    async def execute(self, statement: str, **values: Any) -> None:
        """As the worker."""
        async with self.world.admin.administration() as session:
            await session.execute(text(statement), values)

    async def walls(self, person: Actor) -> set[str]:
        return {
            row.subject for row in await self.world.rows("SELECT subject FROM walls WHERE person_id = :p", p=person.id)
        }

    def now(self) -> Any:
        return self.world.api.state.database.clock.now()

    async def _cycle(self, session: Any) -> UUID:
        found = await session.scalar(select(EvaluationCycle.id))
        if found is not None:
            return UUID(str(found))
        scheme = EvaluationScheme(
            id=uuid4(),
            code="example",
            version=1,
            title="示例",
            is_example=True,
            content={},
            content_sha256="0",
            adopted_at=self.now(),
        )
        session.add(scheme)
        await session.flush()
        cycle = EvaluationCycle(
            id=uuid4(),
            assessment_year=YEAR - 1,
            submission_year=YEAR,
            scheme_id=scheme.id,
            scheme_sha256="0",
            due_on=date(YEAR, 3, 31),
            phase="reviewing",
        )
        session.add(cycle)
        await session.flush()
        return cycle.id


async def make_scene(world: World) -> Scene:
    return Scene(
        world,
        office=await world.person(Role.LEAGUE_OFFICE),
        second=await world.person(Role.LEAGUE_COMMITTEE),
        inspector=await world.person(Role.DISCIPLINE_INSPECTOR),
        expert=await world.person(Role.EXPERT),
        editor=await world.person((Role.REGION_EDITOR, REGION), name="某某举报人（示例）"),
    )


def own(**subject: Any) -> dict[str, Any]:
    return {
        "initiator": "self",
        "relation_code": "kinship",
        "statement": "配偶在该地区任职（示例）",
        **(subject or {"region_code": REGION}),
    }


def order(person: Actor, **subject: Any) -> dict[str, Any]:
    return {**own(**subject), "initiator": "ex_officio", "person_id": str(person.id)}


def application(person: UUID, how: str = "informant", **subject: Any) -> dict[str, Any]:
    return {**own(**subject), "initiator": how, "person_id": str(person), "statement": "举报内容甲乙丙（示例）"}


async def decided(actor: Actor, path: str, outcome: str) -> dict[str, Any]:
    answer = await actor.act(path, "decide", {"outcome": outcome, **DECIDED})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def place(recusal: UUID | str) -> str:
    return f"/v1/recusals/{recusal}"
