"""Who may be drawn, who may say who may not, and who decides the order."""

import hashlib
from typing import Any

from app.models.identity import Role
from tests.evaluations.scene import Year, done
from tests.reviews.ceremony import SHARES, commit, open_share
from tests.scenarios.attack import attack, gate, no_wall, patched
from tests.scenarios.scene import OTHER, REGION, decide, items, page, recuse

LEAGUE = "152500"
NAMED = {"reason": "专业所需（示例）"}


async def _refused(year: Year, panel: str, person: Any) -> str | None:
    """The reason why the person is not named for the panel, if there is one."""
    asked = await year.office.post(f"{panel}/assign", {**NAMED, "person_id": str(person.id)})
    assert asked.status_code in {201, 409}, asked.text
    return None if asked.status_code == 201 else str(asked.json()["reason"])


NO_TREE = gate("eligibility", ("WHERE t.kind IN ('staff', 'seconded') AND", "WHERE false AND t.kind IN ('staff') AND"))


@attack(14, NO_TREE)
async def test_14_a_superior_or_subordinate_body(year: Year) -> None:
    """Who works above or below a body of the region is barred from it as its own staff are, at any depth of the tree.
    (A body of the league is nobody's superior by that alone: else nobody in the league might review.)"""
    world = year.world
    group = await world.organisation(region_code=LEAGUE, kind="enterprise")
    holding = await world.organisation(region_code=OTHER, kind="enterprise", parent_id=group)
    await world.organisation(region_code=REGION, kind="enterprise", parent_id=holding)
    bureau = await world.organisation(region_code=LEAGUE, kind="department")
    await world.organisation(region_code=REGION, kind="department", parent_id=bureau)
    top, middle, official = [await year.review.expert(employed_at=body) for body in (group, holding, bureau)]
    _, file = await year.accepted()
    panel = f"/v1/panels/{await year.panel(file)}"
    for barred in (top, middle):
        assert await _refused(year, panel, barred) == "ineligible"
    assert await _refused(year, panel, official) is None
    assert (await year.office.post(f"{panel}/draw")).status_code == 202
    await world.drain()
    seated = {row.person_id for row in await world.rows("SELECT person_id FROM assignments")}
    assert not seated & {top.id, middle.id}


A_NAME_BARS = gate("eligibility", ("SELECT 'named_by_region', false", "SELECT 'named_by_region', true"))


@attack(37, A_NAME_BARS, no_wall("recusals"))
async def test_37_strategic_conflicts(year: Year) -> None:
    """A region names three at most, and it is advice. Whoever keeps recusing themselves, or is kept off by parties,
    shows in the office's statistics; they count what their reader may see."""
    path = await year.filled()
    strict, dodging, *_ = year.review.experts
    name = {"organisation": None, "reason": "学术观点有分歧（示例）"}
    many = [{**name, "name": f"示例专家{number}"} for number in range(4)]
    assert (await year.editor.client.put(f"{path}/exclusions", json={"items": many})).status_code == 422
    advice = [{**name, "name": "示例专家"}, *many[:2]]
    assert (await year.editor.client.put(f"{path}/exclusions", json={"items": advice})).status_code == 200
    await year.send(path)
    accepted = await done(year.office, path, "accept")
    await year.seed()
    panel = f"/v1/panels/{await year.panel('/v1/appraisal-files/' + accepted['appraisal_file_id'])}"
    # Everybody in this pool bears the name, and may be seated all the same.
    assert await _refused(year, panel, strict) is None
    for region in ("152522", "152523"):
        await recuse(year.world, dodging, region_code=region)
        editor = await year.world.person((Role.REGION_EDITOR, region))
        said = {"initiator": "interested_party", "relation_code": "kinship", "statement": "示例", "region_code": region}
        assert (await editor.post("/v1/recusals", {**said, "person_id": str(strict.id)})).status_code == 202
    told = {one["person_id"]: one for one in await items(year.office, "/v1/recusal-statistics")}
    assert told[str(dodging.id)]["by_self"] == 2
    assert told[str(strict.id)]["by_self"] == 0
    assert (await year.editor.get("/v1/recusal-statistics")).status_code == 403
    await recuse(year.world, year.committee, region_code="152522")
    seen = {one["person_id"]: one for one in (await page(year.committee, "/v1/recusal-statistics"))["items"]}
    assert seen[str(dodging.id)]["by_self"] == 1


ANY_SHARE = gate("open_share", ("RETURN 'wrong_share';", "NULL;"))
ANY_SEED = patched("app.reviews.seeds.rules.seed_of", lambda *_: "5e" * 32)


def _hash(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


@attack(39, ANY_SHARE, ANY_SEED)
async def test_39_a_replacement_drawn_after_a_look_at_the_scores(year: Year) -> None:
    """Two commit before either opens, so nobody chooses the order, also of those who come in later; and who was in
    the pool is fixed before. With the publication everybody draws it again."""
    path = await year.sent()
    file = f"/v1/appraisal-files/{(await done(year.office, path, 'accept'))['appraisal_file_id']}"
    panel = f"/v1/panels/{await year.panel(file)}"
    early = await year.office.post(f"{panel}/draw")
    assert (early.status_code, early.json()["reason"]) == (409, "seed_not_open")
    await commit(year.office, year.cycle, "office")
    await commit(year.committee, year.cycle, "committee")
    late = await year.review.expert()
    await open_share(year.committee, year.cycle, "committee")
    etag = (await year.office.get(f"{year.cycle}/draw-seed")).headers["etag"]
    another = {"party": "office", "share": "0c" * 32}
    assert (await year.office.post(f"{year.cycle}/draw-seed/open", another, etag=etag)).status_code == 422
    await open_share(year.office, year.cycle, "office")
    assert (await year.office.post(f"{panel}/draw")).status_code == 202
    await year.world.drain()
    drawn = await year.world.rows("SELECT person_id FROM assignments ORDER BY position")
    assert late.id not in [row.person_id for row in drawn]
    for seat, score in zip(await year.seats(file), ("80", "85", "90"), strict=True):
        await year.score(seat, score)
    await year.world.drain()
    await decide(year.leader, await recuse(year.world, (await year.seats(file))[0][0]))
    await year.world.drain()
    # The reserve of the draw moves up: whoever was next before there was a score.
    promoted = await year.world.rows("SELECT person_id FROM assignments WHERE state = 'invited' AND NOT is_reserve")
    assert [row.person_id for row in promoted] == [drawn[3].person_id]
    hidden = await year.office.get(f"{year.cycle}/draw-record")
    assert hidden.status_code == 404
    [replacement] = [seat for seat in await year.seats(file) if seat[0].id == drawn[3].person_id]
    await year.score(replacement, "90")
    await year.world.drain()
    await done(year.committee, file, "appraise", {"score": "90", "reason": "完成较好（示例）"})
    await year.grade(file)
    await done(year.leader, file, "approve")
    await year.close()
    assert len(await year.publish()) == 1
    record = (await year.editor.get(f"{year.cycle}/draw-record")).json()
    assert record["seed"] == _hash(SHARES["office"] + SHARES["committee"])
    [opened] = record["panels"]
    [made] = opened["draws"]
    key = _hash(f"{record['seed']}:{opened['subject_id']}")
    assert made["drawn"] == sorted(made["candidates"], key=lambda name: _hash(key + name))[: len(made["drawn"])]
