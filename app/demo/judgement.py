"""The demo's evaluation of last year, in progress, and its selection of cases: up to where the README's tour takes
over. Everybody acts over HTTP, the worker draws and repairs.
"""

import hashlib
from typing import Any

from app.demo.library import LAST_YEAR, YEAR, figures
from app.demo.people import EXPERTS, JUDGES, RECUSED_FROM
from app.demo.stage import Actor, Stage, at

# How far each region's self-evaluation has come. A region that is not here has not begun.
SELF_EVALUATIONS = {
    "152501": "approved",
    "152502": "under_review",
    "152522": "returned",
    "152523": "awaiting_signature",
    "152525": "draft",
}
APPLICANT = "152528"
_CRITERIA_OF = {
    "air_quality": "air_quality_good_days",
    "drinking_water": "drinking_water_compliance",
    "grassland": "grassland_cover",
}


async def walk(stage: Stage) -> None:
    stage.turn_to(at(YEAR, 3, 10))
    await _promise(stage)
    stage.turn_to(at(YEAR, 3, 12))
    await _recuse(stage)
    await _pool(stage)
    stage.turn_to(at(YEAR, 4, 8))
    await _cycle(stage)
    stage.turn_to(at(YEAR, 5, 20))
    await _cases(stage)
    await _apply(stage)


async def _promise(stage: Stage) -> None:
    """This year's commitment and declaration of all who judge; the first expert declares an interest."""
    for username in JUDGES:
        judge = await stage.actor(username)
        [text] = await judge.listed("/v1/commitment-texts")
        await judge.post("/v1/commitments", {"year": YEAR, "text_version": text["version"]})
        # Each step may change what they may do: the token from before has ended then.
        judge = await stage.renewed(username)
        interests = [_INTEREST] if username == EXPERTS[0] else []
        await judge.post("/v1/declarations", {"year": YEAR, "has_interests": bool(interests), "interests": interests})
        await stage.renewed(username)


_INTEREST = {"region_code": RECUSED_FROM, "relation_code": "kinship", "statement": "近亲属在该地区任职（示例）"}


async def _recuse(stage: Stage) -> None:
    """What was declared is a recusal already; somebody else decides it."""
    inspector = await stage.actor("inspector1")
    for recusal in await inspector.listed("/v1/recusals?state=provisional"):
        reason = {"outcome": "in_force", "reason": "所述亲属关系属实（示例）", "legal_basis": "civil_servants_76"}
        await inspector.act(f"/v1/recusals/{recusal['id']}", "decide", reason)


async def _apply(stage: Stage) -> None:
    """A region applies for an expert's recusal (申请回避): it waits for its decision, with its day."""
    expert = (await (await stage.renewed(EXPERTS[-1])).get("/v1/me")).json()["id"]
    stated = {"relation_code": "board_or_shareholder", "statement": "该专家曾任本地企业顾问（示例）"}
    body = {"initiator": "interested_party", "person_id": expert, "region_code": APPLICANT, **stated}
    await (await stage.actor(f"approver.{APPLICANT}")).post("/v1/recusals", body)


async def _pool(stage: Stage) -> None:
    office = await stage.actor("office1")
    for username in EXPERTS:
        expert = await stage.renewed(username)
        person = (await expert.get("/v1/me")).json()["id"]
        await office.post("/v1/experts", {"person_id": person, "specialties": ["草原生态（示例）"]})


async def _cycle(stage: Stage) -> None:
    office = await stage.actor("office1")
    [scheme] = await office.listed("/v1/evaluation-schemes")
    body = {"assessment_year": LAST_YEAR, "scheme_id": scheme["id"], "due_on": f"{YEAR}-04-30"}
    cycle = (await office.post("/v1/evaluation-cycles", body)).json()
    await _seed(stage, f"/v1/evaluation-cycles/{cycle['id']}")
    for code, until in SELF_EVALUATIONS.items():
        await _evaluation(stage, cycle["id"], code, until)


async def _seed(stage: Stage, place: str) -> None:
    """The ceremony before all draws. Real shares are random, and made outside."""
    parties = {"office": await stage.actor("office1"), "committee": await stage.actor("committee1")}
    shares = {party: hashlib.sha256(f"示例:{place}:{party}".encode()).hexdigest() for party in parties}
    for party, actor in parties.items():
        commitment = hashlib.sha256(shares[party].encode()).hexdigest()
        await actor.act(f"{place}/draw-seed", "commit", {"party": party, "commitment": commitment})
    for party, actor in parties.items():
        await actor.act(f"{place}/draw-seed", "open", {"party": party, "share": shares[party]})


async def _evaluation(stage: Stage, cycle: str, code: str, until: str) -> None:
    """Take a region's self-evaluation, and the judgement on it, as far as `until`."""
    editor, approver = await stage.actor(f"editor.{code}"), await stage.actor(f"approver.{code}")
    office = await stage.actor("office1")
    made = await editor.post("/v1/evaluations", {"cycle_id": cycle, "region_code": code})
    path = made.headers["location"]
    for item in await editor.listed(f"{path}/items"):
        await _complete(editor, f"{path}/items/{item['id']}", item["criterion_code"], code)
    if until == "draft":
        named = {"name": "示例某专家（示例）", "reason": "学术观点长期存在分歧（示例）"}
        await editor.put(f"{path}/exclusions", {"items": [named]})
        return
    await editor.act(path, "submit")
    if until == "awaiting_signature":
        return
    await approver.act(path, "sign")
    if until == "returned":
        first, *_ = await office.listed(f"{path}/items")
        remarks = [{"item_id": first["id"], "text": "请附监测报告（示例）"}]
        await office.act(path, "return", {"note": "请补正后重新报送（示例）", "remarks": remarks})
        return
    accepted = (await office.act(path, "accept")).json()
    file = f"/v1/appraisal-files/{accepted['appraisal_file_id']}"
    panel = (await office.get(file)).json()["panel"]["id"]
    await office.post(f"/v1/panels/{panel}/draw")
    await stage.work()
    if until == "under_review":
        # One has signed, the others have not answered yet.
        await _review(stage, "evaluation", at_most=1)
        return
    await _review(stage, "evaluation")
    await stage.work()
    appraiser, leader = await stage.actor("office2"), await stage.actor("committee1")
    await appraiser.act(file, "appraise", {"score": "88", "reason": "年度任务完成较好（示例）"})
    await office.act(file, "grade")
    await stage.work()
    await leader.act(file, "approve")


async def _complete(editor: Actor, path: str, criterion: str, code: str) -> None:
    body: dict[str, Any] = {"statement": "按年度计划推进，完成情况见佐证材料（示例）"}
    if indicator := _CRITERIA_OF.get(criterion):
        body["reported_value"] = str(figures(code, LAST_YEAR)[indicator])
        body["evidence"] = [{"label": "年度监测报告（示例）"}]
    await editor.patch(path, body)


async def _review(stage: Stage, kind: str, *, at_most: int = len(EXPERTS)) -> None:
    """Whoever is invited accepts, declares to be without interests, scores and signs."""
    signed = 0
    for number, username in enumerate(EXPERTS):
        expert = await stage.renewed(username)
        for seat in await expert.listed(f"/v1/assignments?state=invited&subject_kind={kind}"):
            if signed == at_most:
                return
            await _score(stage, username, f"/v1/assignments/{seat['id']}", number)
            signed += 1


async def _score(stage: Stage, username: str, seat: str, number: int) -> None:
    await (await stage.actor(username)).act(seat, "accept")
    # With the first seat comes the scope to review.
    expert = await stage.renewed(username)
    await expert.act(seat, "declare-conflict", {"has_interests": False})
    sheet = (await expert.get(f"{seat}/score-sheet")).json()
    scores = {
        criterion["code"]: str(78 + (number * 5 + turn * 3) % 17) for turn, criterion in enumerate(sheet["criteria"])
    }
    await expert.put(f"{seat}/score-sheet", {"scores": scores, "opinion": "材料齐全，成效明显（示例）"})
    await expert.act(f"{seat}/score-sheet", "submit")


async def _cases(stage: Stage) -> None:
    """A round with one case that was reviewed, and one that its region still writes."""
    office = await stage.actor("office1")
    weights = {"innovation": "30", "results": "30", "transferability": "20", "regularity": "20"}
    body = {"year": YEAR, "title": f"{YEAR}年典型案例遴选（示例）", "due_on": f"{YEAR}-12-31"}
    held = await office.post(
        "/v1/case-rounds", {**body, "quota": 2, "selected_at_most": 3, "weights": weights, "seats": 3, "quorum": 3}
    )
    await _seed(stage, held.headers["location"])
    path = await _case(stage, held.json()["id"], "152526", "草原旅游带动牧户增收（示例）", "ecological_tourism")
    await (await stage.actor("approver.152526")).act(path, "recommend")
    started = (await office.act(path, "start-review")).json()
    panel = (await office.get(f"/v1/case-files/{started['case_file_id']}")).json()["panel"]["id"]
    await office.post(f"/v1/panels/{panel}/draw")
    await stage.work()
    await _review(stage, "case")
    await stage.work()
    await _case(stage, held.json()["id"], "152528", "草畜平衡的嘎查做法（示例）", "ecological_compensation")


async def _case(stage: Stage, round_id: str, code: str, title: str, mode: str) -> str:
    editor = await stage.actor(f"editor.{code}")
    texts = {
        "summary": "以草定畜、以景促收，生态与收入同步改善（示例）",
        "innovation": "嘎查集体统一经营，牧户入股（示例）",
        "results": "草原植被盖度与牧户收入同升（示例）",
        "transferability": "做法简单，邻近嘎查可复制（示例）",
        "regularity": "章程、账目、分配公开（示例）",
    }
    body = {"round_id": round_id, "region_code": code, "title": title, "mode_code": mode, **texts}
    return str((await editor.post("/v1/cases", body)).headers["location"])
