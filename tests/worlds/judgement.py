"""Steps of the script: recusals, panels, sheets, appraisals, cases. Of S the worlds tell different stories.

What is said of S in W0 carries canaries: texts and numbers that stand nowhere else.
"""

import hashlib
from datetime import date

from app.models.declarations import SuperiorDecision
from tests.reviews.ceremony import SHARES
from tests.worlds.cast import WALLED, YEAR, S, T, U
from tests.worlds.replay import Replay
from tests.worlds.script import step

CANARY = "金丝雀"
# By world, what the panel of S says: whoever is first on it, second, third.
SCORES = {
    "W0": ("71.37", "83.59", "64.83"),
    "WV": ("58.19", "77.23", "69.47"),
    "WP": ("71.37", "83.59", "64.83"),
}
LATE = "93.71"
APPRAISAL = {"W0": "88.13", "WV": "52.91", "WP": "88.13"}
CASE_SCORES = {
    "W0": ("91.17", "89.53", "94.19"),
    "WV": ("31.27", "42.61", "53.87"),
    "WP": ("91.17", "89.53", "94.19"),
}
CASE_LATE = "12.89"
OTHER_SCORES = {T: ("80", "70.5", "75.25"), U: ("60", "55", "50")}
NUMBERS = {"air_quality", "drinking_water", "grassland"}
JUDGED = ("W0", "WV", "WP")


@step()
async def recusals(world: Replay) -> None:
    """Everybody walled is recused from S, in force: in all worlds."""
    for key in WALLED:
        if key != "w_late":
            await recused(world, key)
    await world.work()


async def recused(world: Replay, key: str, **subject: str) -> None:
    order = {
        "initiator": "ex_officio",
        "person_id": str(world.cast[key].id),
        **(subject or {"region_code": S}),
        "relation_code": "kinship",
        "statement": "配偶在该地区任职（示例）",
    }
    path = (await world.post("office2", "/v1/recusals", order)).headers["location"]
    decided = {"outcome": "in_force", "reason": "情况属实（示例）", "legal_basis": "civil_servants_76"}
    await world.act("committee2", path, "decide", decided)


@step()
async def a_superiors_word(world: Replay) -> None:
    """Recorded while nobody could decide on a recusal from S, and never confirmed. (Over HTTP it takes a league without
    deciders, in which nothing else would go on.)"""
    [recusal] = await world.rows("SELECT id FROM recusals WHERE person_id = :person", person=world.cast["w_expert"].id)
    async with world.admin.administration() as session:
        session.add(
            SuperiorDecision(
                id=world.ports.random(),
                recusal_id=recusal.id,
                region_code=S,
                authority="上级机关（示例）",
                document_number="示例函〔2026〕1号",
                issued_on=date(YEAR, 3, 1),
                outcome="rejected",
                reason=f"{CANARY}上级意见（示例）",
                recorded_by=world.cast["secadmin"].id,
                recorded_at=world.ports.now(),
            )
        )


@step()
async def elsewhere(world: Replay) -> None:
    """Recusals of others, from U: so that the conflict tables are not empty for who may read them."""
    await recused(world, "idle", region_code=U)
    await world.work()


@step()
async def cycle(world: Replay) -> None:
    [scheme] = await world.listed("office", "/v1/evaluation-schemes")
    body = {"assessment_year": YEAR - 1, "scheme_id": scheme["id"], "due_on": f"{YEAR}-04-30"}
    world.kept["cycle"] = (await world.post("office", "/v1/evaluation-cycles", body)).headers["location"]


@step()
async def self_evaluations(world: Replay) -> None:
    """Of S and T; S is returned once."""
    for code in (S, T):
        editor = f"editor.{code}"
        body = {"cycle_id": world.kept["cycle"].rsplit("/", 1)[1], "region_code": code}
        path = (await world.post(editor, "/v1/evaluations", body)).headers["location"]
        world.kept[f"evaluation/{code}"] = path
        for item in await world.listed(editor, f"{path}/items"):
            filled = {"statement": "按年度计划推进（示例）", "evidence": [{"label": "监测报告（示例）"}]}
            if item["criterion_code"] in NUMBERS:
                filled["reported_value"] = "95.50"
            await world.change(editor, "PATCH", f"{path}/items/{item['id']}", filled)
        named = [{"name": f"{CANARY if code == S else ''}列名（示例）", "reason": "学术观点有分歧（示例）"}]
        await world.send(editor, "PUT", f"{path}/exclusions", {"items": named})
        await _sent(world, path, code)
        if code == S:
            [item, *_] = await world.listed("office", f"{path}/items")
            remarks = [{"item_id": item["id"], "text": "请附监测报告（示例）"}]
            await world.act("office", path, "return", {"note": "请补正（示例）", "remarks": remarks})
            await _sent(world, path, code)
        accepted = (await world.act("office", path, "accept")).json()
        world.kept[f"file/{code}"] = f"/v1/appraisal-files/{accepted['appraisal_file_id']}"
        panel = (await world.get("office", world.kept[f"file/{code}"]))["panel"]["id"]
        world.kept[f"panel/{code}"] = f"/v1/panels/{panel}"
    await world.work()


async def _sent(world: Replay, path: str, code: str) -> None:
    await world.act(f"editor.{code}", path, "submit")
    await world.act(f"approver.{code}", path, "sign")


@step()
async def case_round(world: Replay) -> None:
    weights = {"innovation": "30", "results": "30", "transferability": "20", "regularity": "20"}
    body = {"year": YEAR, "title": f"{YEAR}年典型案例遴选（示例）", "due_on": f"{YEAR}-12-31", "quota": 2}
    panels = {"selected_at_most": 2, "weights": weights, "seats": 3, "reserves": 1, "quorum": 3}
    world.kept["round"] = (await world.post("office", "/v1/case-rounds", {**body, **panels})).headers["location"]


@step()
async def cases(world: Replay) -> None:
    """One each of S, T and U; that of S is about its project."""
    for code in (S, T, U):
        texts = {name: f"{code}的{name}（示例）" for name in ("summary", "innovation", "results", "transferability")}
        body = {
            "round_id": world.kept["round"].rsplit("/", 1)[1],
            "region_code": code,
            "title": f"生态旅游{code}（示例）",
            "mode_code": "ecological_tourism",
            "regularity": "运作规范（示例）",
            **texts,
        }
        if code == S:
            body["project_id"] = world.kept[f"project/{S}"].rsplit("/", 1)[1]
        path = (await world.post(f"editor.{code}", "/v1/cases", body)).headers["location"]
        world.kept[f"case/{code}"] = path
        await world.act(f"approver.{code}", path, "recommend")
        if code == S:
            await world.act("office", path, "return", {"remarks": "请补充成效（示例）"})
            await world.act(f"approver.{code}", path, "recommend")
        started = (await world.act("office", path, "start-review")).json()
        world.kept[f"case_file/{code}"] = f"/v1/case-files/{started['case_file_id']}"
        panel = (await world.get("office", world.kept[f"case_file/{code}"]))["panel"]["id"]
        world.kept[f"case_panel/{code}"] = f"/v1/panels/{panel}"
    await world.work()


@step()
async def recusal_from_the_case(world: Replay) -> None:
    """Of an officer who is not recused from S as a whole."""
    await recused(world, "w_case", case_id=world.kept[f"case/{S}"].rsplit("/", 1)[1])
    await world.work()


@step()
async def ceremony(world: Replay) -> None:
    """Before all draws: office and committee commit to their shares, the pool is frozen, both open."""
    parties = {"office": "office", "committee": "committee"}
    for place in (world.kept["cycle"], world.kept["round"]):
        for party, key in parties.items():
            commitment = hashlib.sha256(SHARES[party].encode()).hexdigest()
            await world.act(key, f"{place}/draw-seed", "commit", {"party": party, "commitment": commitment})
        for party, key in parties.items():
            await world.act(key, f"{place}/draw-seed", "open", {"party": party, "share": SHARES[party]})


@step(checkpoint="common")
async def panels_elsewhere(world: Replay) -> None:
    """`w_expert`, `w_both` and `colleague` sit together on the panels of T; those of U are drawn."""
    for place in (f"panel/{T}", f"case_panel/{T}"):
        for key in ("w_expert", "w_both", "colleague"):
            await _named(world, place, key)
        await world.post("office", f"{world.kept[place]}/draw")
    await world.post("office", f"{world.kept[f'case_panel/{U}']}/draw")
    await world.work()
    for place, scores in ((f"panel/{T}", OTHER_SCORES[T]), (f"case_panel/{T}", OTHER_SCORES[T])):
        await reviewed(world, place, scores)
    await reviewed(world, f"case_panel/{U}", OTHER_SCORES[U])
    # Not to be drawn for S later on.
    await world.change("office", "PATCH", f"/v1/experts/{world.cast['colleague'].id}", {"active": False})
    await world.work()


async def _named(world: Replay, place: str, key: str, reason: str = "熟悉该领域（示例）") -> None:
    body = {"person_id": str(world.cast[key].id), "reason": reason}
    await world.post("office", f"{world.kept[place]}/assign", body)


@step("W0")
async def late_ones_seat(world: Replay) -> None:
    """Who is recused from S later on sits on its panels first."""
    for place in (f"panel/{S}", f"case_panel/{S}"):
        await _named(world, place, "w_late", f"{CANARY}指定理由（示例）")


@step(*JUDGED)
async def panels(world: Replay) -> None:
    for place in (f"panel/{S}", f"case_panel/{S}"):
        await world.post("office", f"{world.kept[place]}/draw")
    await world.work()


@step("WV", "WP")
async def a_seat_is_declined(world: Replay) -> None:
    """The seed gives all worlds the same order: another panel is one that somebody leaves."""
    for place in (f"panel/{S}", f"case_panel/{S}"):
        key, path = (await seats(world, place))[0]
        await world.act(key, path, "decline", {"reason": "时间冲突（示例）"})
    await world.work()


@step(*JUDGED)
async def sheets(world: Replay) -> None:
    """All of the panels of S sign; `w_late` among them in W0."""
    for place, scores, late in ((f"panel/{S}", SCORES, LATE), (f"case_panel/{S}", CASE_SCORES, CASE_LATE)):
        given = list(scores[world.name])
        for key, path in await seats(world, place):
            score = late if key == "w_late" else given.pop(0)
            await _scored(world, key, path, score, f"{CANARY}{world.name}意见{score}（示例）")
    await world.work()


@step()
async def late_recusal(world: Replay) -> None:
    """In all worlds; only in W0 there is a sheet that it voids, and a reserve who moves up."""
    await recused(world, "w_late")
    await world.work()


@step("WV")
async def another_late_recusal(world: Replay) -> None:
    """Of two members of this world's panels; one is recused from an investor there, and so from S."""
    key, _ = (await seats(world, f"panel/{S}"))[0]
    await recused(world, key)
    key, _ = (await seats(world, f"case_panel/{S}"))[-1]
    await recused(world, key, organisation_id=world.kept[f"organisation/investor.{S}"])
    await world.work()


@step(checkpoint="reviewing")
async def reserves_sheets(world: Replay) -> None:
    """Where somebody fell out, who moved up signs."""
    for place, scores in ((f"panel/{S}", SCORES), (f"case_panel/{S}", CASE_SCORES)):
        for key, path in await seats(world, place, "invited") if world.name in JUDGED else ():
            score = scores[world.name][-1]
            await _scored(world, key, path, score, f"{CANARY}{world.name}递补意见（示例）")
    await world.work()


@step(*JUDGED)
async def appraisal(world: Replay) -> None:
    by = "committee" if world.name == "W0" else "office2"
    score = APPRAISAL[world.name]
    await world.act(by, world.kept[f"file/{S}"], "appraise", {"score": score, "reason": f"{CANARY}评议{score}（示例）"})


@step()
async def appraisal_elsewhere(world: Replay) -> None:
    await world.act("committee", world.kept[f"file/{T}"], "appraise", {"score": "77", "reason": "完成较好（示例）"})
    await world.act("office", world.kept[f"file/{T}"], "grade")
    await world.work()
    await world.act("committee2", world.kept[f"file/{T}"], "approve")


@step(*JUDGED)
async def grading(world: Replay) -> None:
    await world.act("office", world.kept[f"file/{S}"], "grade")
    await world.work()
    await world.act("committee2", world.kept[f"file/{S}"], "approve")


@step()
async def calendar(world: Replay) -> None:
    """The cycle takes no more."""
    for _ in range(2):
        await world.act("office", world.kept["cycle"], "close")
    await world.act("office", world.kept["round"], "close")


@step(*JUDGED, checkpoint="before")
async def selection(world: Replay) -> None:
    """WJ, where S has no total, gets that of the others as W0 has it (`injection`)."""
    await world.act("office", world.kept["round"], "select")
    await world.work()


@step("W0", "WP", checkpoint="published")
async def publication(world: Replay) -> None:
    """In the other worlds what was published is put in byte by byte (`injection`)."""
    await world.act("office", world.kept["cycle"], "publish")
    await world.act("office", world.kept["round"], "publish")
    await world.work()
    assert len(await world.listed("office", "/v1/publications")) == 2


async def seats(world: Replay, place: str, *states: str) -> list[tuple[str, str]]:
    """Who sits and is live, with the path of the assignment, by position."""
    rows = await world.rows(
        "SELECT id, person_id FROM assignments WHERE panel_id = :panel AND NOT is_reserve"
        " AND state = ANY (:states) ORDER BY position",
        panel=world.kept[place].rsplit("/", 1)[1],
        states=list(states or ("invited", "accepted", "declared", "done")),
    )
    keys = await world.named([row.person_id for row in rows])
    return [(key, f"/v1/assignments/{row.id}") for key, row in zip(keys, rows, strict=True)]


async def reviewed(world: Replay, place: str, scores: tuple[str, ...]) -> None:
    for (key, path), score in zip(await seats(world, place), scores, strict=True):
        await _scored(world, key, path, score, "材料齐全（示例）")


async def _scored(world: Replay, key: str, path: str, score: str, opinion: str) -> None:
    await world.act(key, path, "accept")
    await world.act(key, path, "declare-conflict", {"has_interests": False, "interests": []})
    sheet = await world.get(key, f"{path}/score-sheet")
    body = {"scores": {one["code"]: score for one in sheet["criteria"]}, "opinion": opinion}
    await world.change(key, "PUT", f"{path}/score-sheet", body)
    await world.act(key, f"{path}/score-sheet", "submit")
