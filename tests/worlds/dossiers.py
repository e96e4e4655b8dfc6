"""Steps of the script: people, bodies, and what the regions file. The same in all worlds."""

from typing import Any
from uuid import UUID

from app.auth import registry
from app.auth.passwords import hash_password
from app.models.directory import Organisation
from tests.attachments.samples import PDF
from tests.events.receiving import PLAIN_URL, Wire, network
from tests.plans.scene import ITEMS, SIGNATURE
from tests.worlds.cast import CAST, ORGANISATIONS, YEAR, S, T, U
from tests.worlds.replay import Replay, Somebody
from tests.worlds.script import step

SOURCE = "province-projects"
CLIENT = "client-of-the-worlds"
CLIENT_SECRET = "a-secret-of-the-worlds"


@step()
async def organisations(world: Replay) -> None:
    for key, (name, kind, region) in ORGANISATIONS.items():
        world.ports.begin(f"organisation/{key}")
        async with world.admin.administration() as session:
            made = Organisation(
                id=world.ports.random(),
                name=name,
                kind=kind,
                region_code=region,
                no_code_reason="示例",
                charge_modes=["ecological_agriculture"] if kind == "department" else [],
            )
            session.add(made)
        world.kept[f"organisation/{key}"] = str(made.id)


@step()
async def people(world: Replay) -> None:
    for key, part in CAST.items():
        grants = [(role, _bound(world, bound)) for role, bound in part.grants]
        await world.join(key, f"示例人员{key}", *grants)


def _bound(world: Replay, bound: str | None) -> str | UUID | None:
    if bound is None or bound.isdigit():
        return bound
    return UUID(world.kept[f"organisation/{bound}"])


@step()
async def machine(world: Replay) -> None:
    world.ports.begin("machine")
    async with world.admin.administration() as session:
        client = await registry.add_client(
            session,
            CLIENT,
            name="示例来源系统",
            organisation_id=UUID(world.kept["organisation/department"]),
            source_system=SOURCE,
            regions=(S, T, U),
            secret=CLIENT_SECRET,
        )
        await registry.add_account(session, world.cast["idle"].id, "idle", await hash_password("Xilingol-Steppe-2026"))
    world.cast["machine"] = Somebody("client", client.id, CLIENT)


@step()
async def employments(world: Replay) -> None:
    for key, part in CAST.items():
        if part.employed:
            body = {
                "organisation_id": world.kept["organisation/institute"],
                "kind": "staff",
                "starts_on": "2020-01-01",
            }
            await world.post("sysadmin", f"/v1/people/{world.cast[key].id}/employments", body)


@step()
async def promises(world: Replay) -> None:
    """This year's commitment and declaration of all who judge."""
    for key, part in CAST.items():
        if part.judges:
            [text, *_] = await world.listed(key, "/v1/commitment-texts")
            await world.post(key, "/v1/commitments", {"year": YEAR, "text_version": text["version"]})
            await world.post(key, "/v1/declarations", {"year": YEAR, "has_interests": False, "interests": []})


@step()
async def pool(world: Replay) -> None:
    for key, part in CAST.items():
        if part.pool:
            body = {"person_id": str(world.cast[key].id), "specialties": ["草原生态（示例）"]}
            await world.post("office", "/v1/experts", body)


@step()
async def reporting(world: Replay) -> None:
    body = {"kind": "plan", "title": "报送2026年度计划（示例）", "year": YEAR, "due_on": "2026-12-31"}
    await world.post("office", "/v1/reporting-tasks", {**body, "regions": [S, T, U], "note": "请报送（示例）"})


@step()
async def areas(world: Replay) -> None:
    for code in (S, T):
        body = {"name": f"草原生态牧业实践区{code}（示例）", "region_code": code, "mode_code": "ecological_agriculture"}
        await world.post("office", "/v1/practice-areas", body)


@step()
async def plans(world: Replay) -> None:
    """S and T file theirs; U still writes."""
    for code in (S, T, U):
        editor, approver = f"editor.{code}", f"approver.{code}"
        texts = {"region_code": code, "year": YEAR, "resource_assessment": "草原辽阔（示例）"}
        path = (await world.post(editor, "/v1/plans", texts)).headers["location"]
        world.kept[f"plan/{code}"] = path
        for section, body in ITEMS.items():
            await world.post(editor, f"{path}/{section}", body)
        await _upload(world, editor, path)
        if code == U:
            continue
        await world.act(editor, path, "submit")
        await world.act(approver, path, "sign", SIGNATURE)
        if code == S:
            remarks = [{"section": "targets", "text": "请写明基数（示例）"}]
            await world.act("office", path, "return", {"note": "请补正（示例）", "remarks": remarks})
            await world.act(editor, path, "submit")
            await world.act(approver, path, "sign", SIGNATURE)
        await world.act("office", path, "file")
    await world.work()


async def _upload(world: Replay, editor: str, path: str) -> None:
    owner = {"owner_kind": "plan", "owner_id": path.rsplit("/", 1)[1]}
    await world.post(editor, "/v1/attachments", data=owner, files={"file": ("示例.pdf", PDF, "application/pdf")})


@step()
async def projects(world: Replay) -> None:
    for code in (S, T):
        body: dict[str, Any] = {
            "region_code": code,
            "name": f"草畜平衡试点项目{code}（示例）",
            # The system tells of them, too: two pairs for the office.
            "national_code": f"2405-{code}-04-01-123456",
            "organisation_id": world.kept[f"organisation/investor.{code}"],
            "construction_content": "草畜平衡核定与载畜量监测",
            "primary_mode": "ecological_agriculture",
            "secondary_modes": ["ecological_tourism"],
            "starts_on": "2025-05-01",
            "ends_on": "2026-10-30",
            "funding": [{"source": "central", "year": 2025, "planned": "100.00", "done": "90.50"}],
            "expected_benefits": {"jobs": 12, "household_income_increase": "4200.00"},
        }
        path = (await world.post(f"editor.{code}", "/v1/projects", body)).headers["location"]
        world.kept[f"project/{code}"] = path
        await world.act(f"editor.{code}", path, "propose")
        await world.act("office", path, "admit")
    draft = {
        **body,
        "region_code": S,
        "name": "风光互补（示例）",
        "national_code": None,
        "organisation_id": world.kept[f"organisation/investor.{S}"],
    }
    await world.post(f"editor.{S}", "/v1/projects", draft)


@step()
async def push(world: Replay) -> None:
    rows = [
        {
            "external_id": f"XL-{code}",
            "name": f"有机乳品原料基地{code}（示例）",
            "national_code": f"2405-{code}-04-01-123456",
            "region_code": code,
            "primary_mode": "生态农业",
            "investment_entity": {"name": f"乳业有限公司{code}（示例）", "kind": "enterprise"},
            "construction_content": "有机草场认证与冷链收储站建设",
            "building_stage": "在建",
            "starts_on": "2026-05-01",
            "ends_on": "2028-10-30",
            "funding": [{"source": "special_bond", "planned": "8890000.00", "done": "2616639.00"}],
            "expected_benefits": {"jobs": 165},
        }
        for code in (S, T)
    ]
    # Before the push, so that it is behind where the feed is read from; the receiver's name stands for no machine.
    world.api.state.network = network(Wire(port=0))
    webhook = await world.post("machine", "/v1/webhooks", {"name": "示例订阅", "url": PLAIN_URL})
    await world.post("machine", f"{webhook.headers['location']}/ping")
    receipt = (await world.post("machine", "/v1/imports/projects", {"items": rows})).json()
    assert receipt["outcome"] == "succeeded", receipt
    await world.work()


@step()
async def earlier_years(world: Replay) -> None:
    """What is entered later: a source's values, a region's plan, a grade that was published elsewhere."""
    source = {"title": "示例公报", "number": "示例发〔2025〕1号", "date": "2025-03-20"}
    about = [{"region_code": code, "year": 2024, "source": source} for code in (S, T)]
    value = {"indicator_code": "grassland_cover", "value": "44.80"}
    pushes: list[tuple[str, str, list[dict[str, Any]]]] = [
        ("machine", "indicator-values", [{**row, **value} for row in about]),
        ("office", "earlier-results", [{**row, "grade": "良好"} for row in about]),
        *((f"editor.{row['region_code']}", "earlier-plans", [{**row, "targets": [_EARLIER_TARGET]}]) for row in about),
    ]
    for who, what, rows in pushes:
        receipt = (await world.post(who, f"/v1/imports/{what}", {"items": rows})).json()
        assert receipt["created"] == len(rows), receipt


_EARLIER_TARGET = {"indicator_code": "grassland_cover", "target_value": "45.20"}
