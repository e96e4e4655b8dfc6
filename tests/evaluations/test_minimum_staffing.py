"""A year with the staff that `/v1/access-policy` calls the minimum, and nobody more: recusals and a lift included."""

from collections import Counter

from app.models.identity import Role
from tests.evaluations.scene import APPRAISAL, OTHER, REGION, SHEETS, Year, done, promise
from tests.reviews import scene as reviews
from tests.world import Actor, World

OWN = {"initiator": "self", "region_code": OTHER, "relation_code": "kinship", "statement": "亲属在该地区任职（示例）"}
ORDER = {**OWN, "initiator": "ex_officio", "region_code": REGION}
LEAGUE = ("league_office", "league_committee", "discipline_inspector", "system_admin", "security_admin", "auditor")


async def hire(world: World, first: Actor) -> dict[Role, list[Actor]]:
    """Exactly as many as the policy says; the first officer is there already."""
    policy = (await first.get("/v1/access-policy")).json()
    staff: dict[Role, list[Actor]] = {}
    for entry in policy["minimum_staffing"]:
        role = Role(entry["role"])
        present = [first] if role is Role.LEAGUE_OFFICE else []
        staff[role] = present + [await world.person(role) for _ in range(entry["people"] - len(present))]
    for role in (Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE, Role.DISCIPLINE_INSPECTOR):
        for person in staff[role]:
            await promise(world, person)
    return staff


async def test_a_year_runs_with_the_published_minimum(world: World) -> None:
    review = await reviews.make_scene(world, pool=6)
    staff = await hire(world, review.office)
    (first, second, third), [leader] = staff[Role.LEAGUE_OFFICE], staff[Role.LEAGUE_COMMITTEE]
    [inspector] = staff[Role.DISCIPLINE_INSPECTOR]
    year = Year(
        world,
        review,
        editor=await world.person((Role.REGION_EDITOR, REGION)),
        approver=await world.person((Role.REGION_APPROVER, REGION)),
        office=first,
        committee=leader,
        leader=leader,
    )
    [scheme] = (await first.get("/v1/evaluation-schemes")).json()["items"]
    body = {"assessment_year": 2025, "scheme_id": scheme["id"], "due_on": "2026-04-30"}
    year.cycle = (await first.post("/v1/evaluation-cycles", body)).headers["location"]

    here, there = await year.reviewed(REGION), await year.drawn(OTHER)
    # An officer is recused from the other region: the inspector decides, the third officer appraises.
    own = await second.post("/v1/recusals", OWN)
    assert own.status_code == 201, own.text
    await world.renew(second)
    await done(
        inspector, f"/v1/recusals/{own.json()['id']}", "decide", {"outcome": "in_force", "reason": "属实（示例）"}
    )
    assert (await second.get(there)).status_code == 404
    # A member of the first panel is barred by an order, which another decides; the reserve scores again.
    (barred, _), *_ = await year.seats(here)
    made = await first.post("/v1/recusals", {**ORDER, "person_id": str(barred.id)})
    assert made.status_code == 201, made.text
    order = made.headers["location"]
    await done(inspector, order, "decide", {"outcome": "in_force", "reason": "属实（示例）"})
    await world.drain()
    states = {
        path: row.state
        for _, path in await year.seats(here)
        for row in await world.rows("SELECT state FROM assignments WHERE id = :id", id=path.rsplit("/", 1)[1])
    }
    [waiting] = [path for path, state in states.items() if state == "invited"]
    [reserve] = [seat for seat in await year.seats(here) if seat[1] == waiting]
    await year.score(reserve, "70")
    for seat, score in zip(await year.seats(there), SHEETS, strict=True):
        await year.score(seat, score)
    await world.drain()
    for file, appraiser in ((here, second), (there, third)):
        await done(appraiser, file, "appraise", APPRAISAL)
        await year.grade(file)
        await done(leader, file, "approve")
    await year.close()
    [publication] = await year.publish()
    assert publication["kind"] == "evaluation_results"
    # The ground has ceased: two lift it, neither of them who proposed.
    for decider in (first, leader):
        await done(decider, order, "lift", {"reason": "情形消除（示例）"})
    assert (await inspector.get(order)).json()["state"] == "lifted"

    rows = await world.rows(
        "SELECT role, person_id FROM grants WHERE state = 'active' AND role = ANY (:r)", r=list(LEAGUE)
    )
    held = Counter(row.role for row in rows)
    published = (await first.get("/v1/access-policy")).json()["minimum_staffing"]
    assert held == {entry["role"]: entry["people"] for entry in published}
    assert len({row.person_id for row in rows}) == sum(held.values()), "nobody holds two of them"
