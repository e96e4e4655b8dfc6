"""A push proposes: what is new and what would change a member waits for the office, with its differences."""

from typing import Any

import pytest

from app.models.identity import Role
from tests.imports.pushing import Row, receipt, rows_of
from tests.world import Actor, World

QUEUE, DECIDE = "/v1/admission-queue", "/v1/admission-queue/decisions"


class Library:
    """A member of the library and a project that is proposed, both pushed by one system."""

    def __init__(self, world: World, machine: Actor, office: Actor, rows: list[Row]) -> None:
        self.world, self.machine, self.office, self.rows = world, machine, office, rows
        self.ids: list[str] = []

    async def stock(self) -> None:
        told = await receipt(self.machine, self.rows)
        self.ids = [row["id"] for row in told["rows"]]
        admitted = await self.office.act(f"/v1/projects/{self.ids[0]}", "admit")
        assert admitted.status_code == 200

    async def push(self, **changes: Any) -> dict[str, Any]:
        told: dict[str, Any] = (await receipt(self.machine, [{**self.rows[0], **changes}]))["rows"][0]
        return told

    async def member(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.machine.get(f"/v1/projects/{self.ids[0]}")).json()
        return found

    async def queue(self, query: str = "") -> list[dict[str, Any]]:
        answer = await self.office.get(QUEUE + query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        # The clock stands still, so who waits longer is not to be told: what is new first.
        return sorted(items, key=lambda item: str(item["kind"]), reverse=True)

    async def decide(self, *items: dict[str, Any], actor: Actor | None = None, **more: Any) -> Any:
        named = ("project_id", "proposal_id", "version")
        body = [{**{name: item[name] for name in named}, "outcome": "accept", **more} for item in items]
        return await (actor or self.office).post(DECIDE, {"decisions": body})


@pytest.fixture
async def library(world: World, sample: bytes) -> Library:
    rows = [row for row in rows_of(sample) if row["region_code"] == "152501"][:2]
    made = Library(world, await world.machine("152501"), await world.person(Role.LEAGUE_OFFICE), rows)
    await made.stock()
    return made


async def test_a_change_of_a_member_waits_and_the_member_stands(library: Library) -> None:
    before = await library.member()
    told = await library.push(name="新名（示例）", funding=[])
    assert (told["action"], told["changes"], told["id"]) == ("proposed", ["funding", "name"], library.ids[0])
    assert await library.member() == before
    new, change = await library.queue()
    assert (new["kind"], new["project_id"], new["proposal_id"]) == ("new", library.ids[1], None)
    assert (change["kind"], change["project_id"]) == ("change", library.ids[0])
    assert change["changes"]["name"] == {"before": library.rows[0]["name"], "after": "新名（示例）"}
    assert change["changes"]["funding"]["after"] == []
    assert set(change["changes"]) == {"name", "funding"}
    assert (await library.decide(change)).json() == {"accepted": 1, "declined": 0}
    after = await library.member()
    assert (after["name"], after["funding"], after["version"]) == ("新名（示例）", [], before["version"] + 1)
    assert {**after, "name": 0, "funding": 0} | {
        name: before[name] for name in ("version", "updated_at", "funding_totals")
    } == {**before, "name": 0, "funding": 0}
    [act, *_] = (await library.office.get(f"/v1/projects/{library.ids[0]}/history")).json()["items"]
    assert (act["action"], set(act["changes"])) == ("accept-change", {"name", "funding"})
    decisions = (await library.office.get(f"/v1/projects/{library.ids[0]}/decisions")).json()["items"]
    assert {(decision["outcome"], decision["proposal_id"]) for decision in decisions} == {
        ("admitted", None),
        ("change_accepted", change["proposal_id"]),
    }
    assert (await library.push(name="新名（示例）", funding=[]))["action"] == "unchanged"


async def test_pushing_again_changes_nothing_and_pushing_back_withdraws(library: Library) -> None:
    assert (await library.push(name="新名（示例）"))["action"] == "proposed"
    assert (await library.push(name="新名（示例）"))["action"] == "unchanged"
    # What the second push does not name stays as the source said it last.
    row = {**library.rows[0], "name": "新名（示例）"}
    del row["funding"]
    assert (await receipt(library.machine, [row]))["rows"][0]["action"] == "unchanged"
    assert (await library.push(name="第三名（示例）"))["changes"] == ["name"]
    [change] = await library.queue("?kind=change")
    assert change["changes"]["name"]["after"] == "第三名（示例）"
    assert (await library.push())["action"] == "proposed"
    assert await library.queue("?kind=change") == []
    states = [item["state"] for item in (await library.machine.get("/v1/project-proposals")).json()["items"]]
    assert sorted(states) == ["superseded", "withdrawn"]


async def test_what_was_proposed_for_a_member_is_not_what_a_project_says_that_left(library: Library) -> None:
    """Its pushes change it where it stands again, and pushing the same again changes nothing."""
    assert (await library.push(name="新名（示例）"))["action"] == "proposed"
    left = await receipt(library.machine, library.rows[1:], "?on_missing=leave")
    assert left["left_library"] == 1
    waiting = (await library.machine.get("/v1/project-proposals")).json()["items"]
    assert [q["state"] for q in waiting] == ["withdrawn"]
    for name in ("新名（示例）", "又一名（示例）"):
        told = await library.push(name=name)
        assert (told["action"], told["changes"]) == ("updated", ["name"])
        assert (await library.member())["name"] == name
        assert (await library.push(name=name))["action"] == "unchanged"


async def test_the_stage_of_a_member_is_told_and_moves(library: Library) -> None:
    stage = (await library.member())["building_stage"]
    later = "投运" if stage != "operation" else "竣工"
    reason = {"stage_reason": "重新核定（示例）"}
    told = await library.push(building_stage=later, **reason)
    assert (told["action"], told["changes"]) == ("updated", ["building_stage"])
    assert (await library.member())["building_stage"] != stage
    assert await library.queue("?kind=change") == []
    told = await library.push(building_stage="停缓建", name="新名（示例）", **reason)
    assert (told["action"], told["changes"]) == ("proposed", ["building_stage", "name"])
    member = await library.member()
    assert (member["building_stage"], member["name"]) == ("suspended", library.rows[0]["name"])
    [act, *_] = (await library.machine.get(f"/v1/projects/{library.ids[0]}/history")).json()["items"]
    assert (act["action"], list(act["changes"]), act["reason"]) == ("reported", ["building_stage"], "重新核定（示例）")


async def test_all_some_or_none(library: Library) -> None:
    await library.push(name="新名（示例）")
    new, change = await library.queue()
    stale = {**change, "version": change["version"] + 1}
    refused = await library.decide(new, stale)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/decisions/1/version")
    twice = await library.decide(new, new)
    assert twice.json()["errors"][0] == {"pointer": "/decisions/1", "code": "duplicate", "detail": "重复"}
    silent = await library.decide(change, outcome="decline")
    assert silent.json()["errors"][0]["code"] == "reason_required"
    # Nothing of the refused ones was done.
    assert await library.queue() == [new, change]
    assert (await library.decide(new)).status_code == 200
    declined = await library.decide(change, outcome="decline", reason="依据不足（示例）")
    assert declined.json() == {"accepted": 0, "declined": 1}
    assert await library.queue() == []
    assert (await library.member())["name"] == library.rows[0]["name"]
    gone = await library.decide(change)
    assert gone.json()["errors"][0] == {
        "pointer": "/decisions/0/proposal_id",
        "code": "unknown_reference",
        "detail": gone.json()["errors"][0]["detail"],
    }


async def test_what_was_not_seen_is_not_decided(library: Library) -> None:
    """A push, or an editor, that comes between the look and the act makes the act stale."""
    await library.push(name="新名（示例）")
    [seen] = await library.queue("?kind=change")
    await library.push(name="别名（示例）")
    assert (await library.decide(seen)).status_code == 422
    [seen] = await library.queue("?kind=change")
    editor = await library.world.person((Role.REGION_EDITOR, "152501"))
    shown = await editor.get(f"/v1/projects/{library.ids[0]}")
    patch = {"construction_content": "改写（示例）"}
    etag = {"If-Match": shown.headers["etag"]}
    assert (await editor.client.patch(f"/v1/projects/{library.ids[0]}", json=patch, headers=etag)).status_code == 200
    assert (await library.decide(seen)).json()["errors"][0]["code"] == "stale_version"
    [seen] = await library.queue("?kind=change")
    assert set(seen["changes"]) == {"name"}
    assert (await library.decide(seen)).status_code == 200
    member = await library.member()
    assert (member["name"], member["construction_content"]) == ("别名（示例）", "改写（示例）")


async def test_who_may(library: Library) -> None:
    await library.push(name="新名（示例）")
    [change] = await library.queue("?kind=change")
    editor = await library.world.person((Role.REGION_EDITOR, "152501"))
    for stranger in (editor, library.machine):
        assert (await stranger.get(QUEUE)).status_code == 403
        assert (await library.decide(change, actor=stranger)).status_code == 403
    walled = await library.world.person(Role.LEAGUE_OFFICE)
    for subject in ("region:152501", f"project:{library.ids[0]}"):
        another = await library.world.person(Role.LEAGUE_OFFICE)
        await library.world.wall(another, subject)
        refused = await library.decide(change, actor=another)
        assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    own = await library.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"))
    assert (await library.decide(change, actor=own)).json()["reason"] == "outside_grant"
    assert (await library.decide(change, actor=walled)).status_code == 200
    other = await library.world.machine("152502")
    assert (await other.get("/v1/project-proposals")).json()["items"] == []
    bare = {"Authorization": ""}
    assert (await library.machine.client.get(QUEUE, headers=bare)).status_code == 401
    assert (await library.office.get(f"{QUEUE}?kind=odd")).status_code == 422


async def test_a_dry_run_proposes_nothing(library: Library) -> None:
    dry = (await receipt(library.machine, [{**library.rows[0], "name": "新名（示例）"}], "?dry_run=true"))["rows"][0]
    assert (dry["action"], dry["changes"]) == ("proposed", ["name"])
    assert await library.queue("?kind=change") == []
    real = await library.push(name="新名（示例）")
    assert {**real, "id": 0} == {**dry, "id": 0}
