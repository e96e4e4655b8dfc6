"""Loads the demo world through the API itself: real tokens, real rules, real audit, a clock of its own.

Ids and times come from a fixed seed and fixed days, so two loads are alike.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from app.auth import passwords, registry
from app.core.config import Settings
from app.core.db import Database
from app.demo import judgement, library
from app.demo.library import LAST_YEAR, YEAR
from app.demo.people import ACCOUNTS, CLIENT_ID, ORGANISATIONS, PASSWORD, REGIONS, SOURCE_SYSTEM, DemoAccount
from app.demo.stage import CLIENT_SECRET, DemoClock, DemoError, DemoIds, Stage, at, stage
from app.models.directory import Organisation
from app.models.identity import Employment


def demo_id(key: str) -> UUID:
    """The id of a named thing of the demo, the same in every load."""
    return uuid5(NAMESPACE_URL, f"urn:liangshan:demo:{key}")


async def load(settings: Settings) -> None:
    """Everything, into an empty database: directory and people as the operator, the rest as its people."""
    clock, ids = DemoClock(at(LAST_YEAR, 2, 10)), DemoIds()
    database = Database(settings.worker_url, clock=clock, ids=ids, pool_size=2)
    try:
        await _directory(database)
        async with stage(settings, database, clock, ids) as running:
            await _earlier(running)
            await _plans(running, LAST_YEAR, library.LAST_PLANS)
            running.turn_to(at(YEAR, 2, 2))
            await _library(running)
            await _plans(running, YEAR, library.PLANS)
            await judgement.walk(running)
    finally:
        await database.dispose()


async def _directory(database: Database) -> None:
    # One digest for all: it is the same published password, and hashing is slow on purpose.
    hashed = await passwords.hash_password(PASSWORD)
    async with database.administration() as session:
        for body in ORGANISATIONS:
            session.add(
                Organisation(
                    id=demo_id(body.key),
                    name=body.name,
                    kind=body.kind,
                    credit_code=body.credit_code,
                    no_code_reason=None if body.credit_code else "示例单位",
                    region_code=body.region_code,
                    charge_modes=list(body.charge_modes),
                )
            )
        await session.flush()
        for account in ACCOUNTS:
            await registry.add_person(session, account.name, person_id=demo_id(account.username))
            await registry.add_account(session, demo_id(account.username), account.username, hashed, is_demo=True)
            await registry.add_grant(
                session,
                demo_id(account.username),
                account.role,
                region_code=account.region_code,
                organisation_id=demo_id(account.bound_to) if account.bound_to else None,
            )
            if account.employer:
                session.add(_employment(account))
        await registry.add_client(
            session,
            CLIENT_ID,
            name="盟项目台账系统（示例）",
            organisation_id=demo_id("data"),
            source_system=SOURCE_SYSTEM,
            regions=list(REGIONS),
            secret=CLIENT_SECRET,
            is_demo=True,
            principal_id=demo_id(CLIENT_ID),
        )


def _employment(account: DemoAccount) -> Employment:
    assert account.employer is not None  # noqa: S101 - the caller looked
    return Employment(
        id=demo_id(f"employment.{account.username}"),
        person_id=demo_id(account.username),
        organisation_id=demo_id(account.employer),
        kind=account.employment,
        posted_region=account.region_code,
        position=None,
        starts_on=datetime(2022, 1, 1, tzinfo=UTC).date(),
        ends_on=None,
    )


async def _earlier(stage: Stage) -> None:
    """补录: the ledger's values of the year before, a region's own plan of it, and its grade as the office read it."""
    pushes = {
        "indicator-values": (await stage.client(), library.earlier_values()),
        "earlier-plans": (await stage.actor(f"editor.{library.EARLIER}"), [library.earlier_plan()]),
        "earlier-results": (await stage.actor("office1"), [library.earlier_result()]),
    }
    for what, (actor, rows) in pushes.items():
        receipt = (await actor.post(f"/v1/imports/{what}", {"items": rows})).json()
        if receipt["created"] != len(rows):
            raise DemoError(f"not all {what} were taken: {receipt}")


async def _plans(stage: Stage, year: int, states: Mapping[str, str]) -> None:
    """The office asks for the year's plans; each region comes as far as its state says."""
    office = await stage.actor("office1")
    await office.post(
        "/v1/reporting-tasks",
        {"kind": "plan", "title": f"报送{year}年度计划（示例）", "year": year, "due_on": f"{year}-03-31"},
    )
    for code, state in states.items():
        await _plan(stage, year, code, state)


async def _library(stage: Stage) -> None:
    """The league's ledger pushes two projects a region; the office admits most of them."""
    ledger, office = await stage.client(), await stage.actor("office1")
    receipt = (await ledger.post("/v1/imports/projects", {"items": library.project_rows()})).json()
    for row in receipt["rows"]:
        path, index = f"/v1/projects/{row['id']}", row["index"]
        if index in library.WAITING:
            continue
        if index in library.DECLINED:
            await office.act(path, "decline", {"reason": "投资主体资料待补充（示例）"})
            continue
        await office.act(path, "admit")
        if index in library.LEFT:
            await office.act(path, "leave", {"reason": "建设内容与其他项目合并（示例）"})
    await _later_pushes(stage)


async def _later_pushes(stage: Stage) -> None:
    """What then waits for the office: a change of a member, and a project of which two systems tell."""
    for actor, row, action in (
        (await stage.client(), library.changed_row(), "proposed"),
        (await stage.actor(f"editor.{library.TOLD_TWICE}"), library.twin_row(), "created"),
    ):
        receipt = (await actor.post("/v1/imports/projects", {"items": [row]})).json()
        if [told["action"] for told in receipt["rows"]] != [action]:
            raise DemoError(f"a later push is not {action}: {receipt}")
    await stage.work()


async def _plan(stage: Stage, year: int, code: str, until: str) -> None:
    """Take a region's plan as far as `until`, each step by whoever is entitled to it."""
    editor, approver = await stage.actor(f"editor.{code}"), await stage.actor(f"approver.{code}")
    office = await stage.actor("office2")
    made = await editor.post("/v1/plans", {"region_code": code, "year": year})
    path = made.headers["location"]
    name = REGIONS[code]
    await editor.patch(
        path,
        {
            "resource_assessment": f"{name}以草原生态系统为主，具备修复与特色产业转化条件（示例）。",
            "overview": f"{name}{year}年度“两山”转化工作计划（示例）",
        },
    )
    for section, items in library.plan_parts(code, year).items():
        for item in items:
            await editor.post(f"{path}/{section}", item)
    if until == "draft":
        return
    await editor.act(path, "submit")
    if until == "awaiting_signature":
        return
    document = {"document_number": f"示例发〔{year}〕{int(code) % 100}号", "document_date": f"{year}-02-27"}
    await approver.act(path, "sign", document)
    if until == "submitted":
        return
    if until == "returned":
        remarks = [{"section": "safeguards", "text": "保障措施请明确责任单位（示例）"}]
        await office.act(path, "return", {"note": "请补正后重新报送（示例）", "remarks": remarks})
        return
    await office.act(path, "file")
    if until == "amending":
        await editor.act(path, "amend", {"reason": "按下达的修复任务调整目标（示例）"})
