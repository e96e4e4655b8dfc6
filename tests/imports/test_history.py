"""Earlier years, entered later (补录): pushed as projects are, marked, and apart from what this system made."""

import csv
import io
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.imports.history.schemas import EXAMPLES, EarlierPlanRow, EarlierResultRow, IndicatorValueRow
from app.models.identity import Role
from tests.imports.pushing import counts, faults, ndjson, timeless
from tests.world import Actor, World

REGION, OTHER = "152501", "152502"
VALUES, PLANS, RESULTS = "indicator-values", "earlier-plans", "earlier-results"
Row = dict[str, Any]
ROWS: dict[str, Row] = {
    VALUES: EXAMPLES[IndicatorValueRow],
    PLANS: EXAMPLES[EarlierPlanRow],
    RESULTS: EXAMPLES[EarlierResultRow],
}


async def push(
    actor: Actor, what: str, rows: list[Row] | bytes, query: str = "", *, key: str | None = None, **headers: str
) -> Response:
    content = rows if isinstance(rows, bytes) else ndjson(rows)
    sent = {"Idempotency-Key": key or uuid4().hex, "Content-Type": "application/x-ndjson", **headers}
    return await actor.client.post(f"/v1/imports/{what}{query}", content=content, headers=sent)


async def receipt(actor: Actor, what: str, rows: list[Row] | bytes, query: str = "") -> dict[str, Any]:
    answer = await push(actor, what, rows, query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert sum(counts(told).values()) == told["total"] == len(told["rows"])
    for action, count in counts(told).items():
        assert count == sum(row["action"] == action for row in told["rows"])
    return told


async def listed(actor: Actor, what: str, query: str = "") -> list[dict[str, Any]]:
    answer = await actor.get(f"/v1/{what}{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine(REGION, OTHER)


@pytest.fixture
async def editor(world: World) -> Actor:
    return await world.person((Role.REGION_EDITOR, REGION))


@pytest.fixture
async def office(world: World) -> Actor:
    return await world.person(Role.LEAGUE_OFFICE)


@pytest.mark.parametrize("what", [VALUES, PLANS, RESULTS])
async def test_what_is_pushed_is_shown_with_its_mark_and_source(
    world: World, machine: Actor, office: Actor, what: str
) -> None:
    pusher = office if what == RESULTS else machine
    told = await receipt(pusher, what, [ROWS[what]])
    assert (told["kind"], told["outcome"], counts(told)) == (what.replace("-", "_"), "succeeded", {"created": 1})
    [row] = told["rows"]
    more = "/grassland_cover" if what == VALUES else ""
    assert row["external_id"] == f"{REGION}/2024{more}"
    for reader in (office, machine, await world.person((Role.REGION_APPROVER, REGION))):
        [shown] = await listed(reader, what)
        assert (shown["id"], shown["entered_later"], shown["edition"]) == (row["id"], True, 1)
        for name, value in ROWS[what].items():
            assert shown[name] == value, name
    assert shown["source_system"] == ("league-office" if what == RESULTS else "province-projects")
    resource = what.replace("-", "_").removesuffix("s")
    for table in ("audit_entries", "outbox_events"):
        noted = await world.rows(
            f"SELECT region_code FROM {table} WHERE resource_kind = :kind AND resource_id = :id",  # noqa: S608
            kind=resource,
            id=row["id"],
        )
        assert [tuple(one) for one in noted] == [(REGION,)]
    # The receipt stays, with its rows.
    assert (await pusher.get(f"/v1/imports/{told['id']}")).json() == told
    assert (await pusher.get(f"/v1/imports/{told['id']}/rows")).json()["items"] == told["rows"]
    # Nothing of it is a plan, or a publication, of this system.
    assert await listed(office, "plans") == []
    assert await listed(office, "publications") == []


@pytest.mark.parametrize("what", [VALUES, PLANS, RESULTS])
async def test_again_is_unchanged_and_a_correction_is_an_edition(machine: Actor, office: Actor, what: str) -> None:
    pusher = office if what == RESULTS else machine
    row = ROWS[what]
    first = await receipt(pusher, what, [row])
    again = await receipt(pusher, what, [row])
    assert counts(again) == {"unchanged": 1}
    assert again["rows"][0]["id"] == first["rows"][0]["id"]
    corrected = {**row, "source": {**row["source"], "title": "更正通报（示例）"}}
    told = await receipt(pusher, what, [corrected])
    assert (counts(told), told["rows"][0]["changes"]) == ({"updated": 1}, ["source"])
    [shown] = await listed(pusher, what)
    assert (shown["edition"], shown["source"]["title"]) == (2, "更正通报（示例）")
    both = await listed(pusher, what, "?all_editions=true")
    assert sorted((one["edition"], one["source"]["title"]) for one in both) == [
        (1, row["source"]["title"]),
        (2, "更正通报（示例）"),
    ]


async def test_each_error_has_its_place(machine: Actor) -> None:
    good = ROWS[VALUES]
    source = good["source"]
    rows: list[tuple[Row, set[tuple[str, str]]]] = [
        (good, set()),
        ({**good, "value": "1.00"}, {("", "duplicate")}),
        ({**good, "region_code": "152522"}, {("/region_code", "outside_regions")}),
        ({**good, "region_code": "152599"}, {("/region_code", "outside_regions")}),
        ({**good, "year": 2026}, {("/year", "out_of_range")}),
        ({**good, "year": 1999}, {("/year", "out_of_range")}),
        ({**good, "year": "2024"}, {("/year", "wrong_type")}),
        ({**good, "indicator_code": "no_such"}, {("/indicator_code", "invalid_choice")}),
        ({**good, "value": 45.2}, {("/value", "wrong_type")}),
        ({**good, "source": {**source, "date": "2027-01-01"}}, {("/source/date", "out_of_range")}),
        ({**good, "source": {"date": "2025-01-01"}}, {("/source/title", "required")}),
        (
            {"region_code": OTHER, "year": 2024, "rank": 1},
            {
                ("/indicator_code", "required"),
                ("/value", "required"),
                ("/source", "required"),
                ("/rank", "unknown_field"),
            },
        ),
    ]
    body = ndjson(row for row, _ in rows) + b'{"region_code": \n'
    told = await receipt(machine, VALUES, body)
    assert [faults(row) for row in told["rows"]] == [*(wanted for _, wanted in rows), {("", "malformed_json")}]
    assert (told["outcome"], counts(told)) == ("partial", {"created": 1, "rejected": 12})
    assert len(await listed(machine, VALUES)) == 1
    atomic = await receipt(machine, VALUES, body, "?mode=atomic")
    assert (atomic["outcome"], counts(atomic)) == ("rejected", {"not_applied": 1, "rejected": 12})


async def test_targets_and_documents(machine: Actor, office: Actor) -> None:
    plan = ROWS[PLANS]
    twice = {**plan, "targets": plan["targets"] * 2}
    told = await receipt(machine, PLANS, [twice, {**plan, "region_code": OTHER, "targets": []}])
    assert [faults(row) for row in told["rows"]] == [
        {("/targets/1/indicator_code", "duplicate")},
        {("/targets", "too_short")},
    ]
    # A published result has the number of the document that published it.
    unnumbered = {**ROWS[RESULTS], "source": {**ROWS[RESULTS]["source"], "number": None}}
    assert faults((await receipt(office, RESULTS, [unnumbered]))["rows"][0]) == {("/source/number", "wrong_type")}


_edits = st.tuples(
    st.sampled_from([REGION, OTHER, "152522"]),
    st.sampled_from([2023, 2024, 2025, 2026]),
    st.sampled_from(["45.26", "46.00", "x", None]),
)
_pushes = st.lists(
    st.tuples(st.lists(_edits, min_size=1, max_size=8), st.sampled_from(["partial", "atomic"])), min_size=1, max_size=3
)


# One database for all examples: each push builds on what the pushes before it made.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pushes=_pushes)
async def test_a_dry_run_tells_what_the_run_does(world: World, machine: Actor, pushes: list[Any]) -> None:
    for edits, mode in pushes:
        rows = [{**ROWS[VALUES], "region_code": code, "year": year, "value": value} for code, year, value in edits]
        before = await world.rows("SELECT count(*) FROM indicator_values")
        dry = await receipt(machine, VALUES, rows, f"?mode={mode}&dry_run=true")
        assert await world.rows("SELECT count(*) FROM indicator_values") == before
        real = await receipt(machine, VALUES, rows, f"?mode={mode}")
        dry_ids, real_ids = (
            [{**row, "id": None if row["action"] == "updated" else row["id"]} for row in told["rows"]]
            for told in (dry, real)
        )
        assert timeless({**dry, "rows": dry_ids}) == timeless({**real, "rows": real_ids})
        if real["rejected"] == 0:
            assert counts(await receipt(machine, VALUES, rows)) == {"unchanged": len(rows)}


async def test_a_key_is_used_once(world: World, machine: Actor) -> None:
    first = await push(machine, VALUES, [ROWS[VALUES]], key="night-1")
    again = await push(machine, VALUES, [ROWS[VALUES]], key="night-1")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await world.rows("SELECT 1 FROM import_runs")) == 1
    other = await push(machine, VALUES, [ROWS[VALUES]], "?dry_run=true", key="night-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    # The scope of the push alone is enough to see its receipt again.
    alone = await world.machine(REGION, scopes=frozenset({"history:push"}))
    for _ in range(2):
        assert (await push(alone, VALUES, [ROWS[VALUES]], key="k")).status_code == 200


async def test_answers(world: World, machine: Actor, editor: Actor, office: Actor) -> None:
    stranger = await world.person(Role.EXPERT)
    for what, pusher, wrong in ((VALUES, machine, office), (PLANS, editor, office), (RESULTS, office, editor)):
        path, rows = f"/v1/imports/{what}", [ROWS[what]]
        assert (await push(pusher, what, rows, Authorization="")).status_code == 401
        for refused in (wrong, stranger):
            answer = await push(refused, what, rows)
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        no_key = await pusher.client.post(path, json={"items": rows})
        assert (no_key.status_code, no_key.json()["code"]) == (400, "idempotency_key_missing")
        for media_type in ("text/csv", "text/plain"):
            answer = await push(pusher, what, b"x", **{"Content-Type": media_type})
            assert answer.status_code == 415
        for body in (b"", b'{"items": []}', b'{"rows": []}'):
            answer = await push(pusher, what, body, **{"Content-Type": "application/json"})
            assert answer.status_code == 422
        assert (await push(pusher, what, rows, "?strategy=create")).status_code == 422
        assert (await push(pusher, what, rows * 1_001)).status_code == 413
        assert (await pusher.post(path, {"items": rows})).status_code == 200
        assert (await pusher.get(f"/v1/{what}", headers={"Authorization": ""})).status_code == 401
        assert (await pusher.get(f"/v1/{what}?colour=green")).status_code == 422
    for what in (VALUES, PLANS):
        assert (await stranger.get(f"/v1/{what}")).json()["code"] == "insufficient_scope"
    assert len(await listed(stranger, RESULTS)) == 1
    no_scope = await world.machine(REGION, scopes=frozenset({"history:read"}))
    assert (await no_scope.get(f"/v1/{RESULTS}")).json()["code"] == "insufficient_scope"


async def test_another_region_sees_and_enters_nothing(world: World, machine: Actor, editor: Actor) -> None:
    other = await world.person((Role.REGION_EDITOR, OTHER))
    for what in (VALUES, PLANS):
        mine = await receipt(editor, what, [ROWS[what]])
        assert faults((await receipt(other, what, [ROWS[what]]))["rows"][0]) == {("/region_code", "outside_regions")}
        assert await listed(other, what) == []
        assert await listed(other, what, f"?region_code={REGION}&include_total=true") == []
        assert [one["source_system"] for one in await listed(editor, what)] == [f"region-{REGION}"]
        answer = await push(other, what, [ROWS[what]], f"?region_code={REGION}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "outside_regions")
        for path in (f"/v1/imports/{mine['id']}", f"/v1/imports/{mine['id']}/rows"):
            assert (await other.get(path)).status_code == 404
        assert (await other.post(f"/v1/imports/{mine['id']}/retry")).status_code == 404
        # Two sources that differ stand beside each other, each with its name.
        await receipt(machine, what, [ROWS[what]])
        assert {one["source_system"] for one in await listed(editor, what)} == {f"region-{REGION}", "province-projects"}


async def test_filters(machine: Actor) -> None:
    rows = [
        {**ROWS[VALUES], "region_code": code, "year": year, "indicator_code": indicator}
        for code in (REGION, OTHER)
        for year in (2023, 2024)
        for indicator in ("grassland_cover", "环境空气质量优良天数比例")
    ]
    told = await receipt(machine, VALUES, rows)
    known = {one["indicator_code"] for one in await listed(machine, VALUES)}
    assert counts(told) == {"created": 8}
    assert len(known) == 2
    for query, count in ((f"region_code={REGION}", 4), ("year=2023", 4), ("indicator_code=grassland_cover", 4)):
        assert len(await listed(machine, VALUES, f"?{query}")) == count
    assert len(await listed(machine, VALUES, f"?region_code={OTHER}&year=2024&indicator_code=grassland_cover")) == 1
    assert [one["year"] for one in await listed(machine, VALUES)] == [2024] * 4 + [2023] * 4


async def test_refused_rows_are_pushed_again(world: World, machine: Actor, office: Actor) -> None:
    told = await receipt(machine, VALUES, [ROWS[VALUES], {**ROWS[VALUES], "region_code": "152522"}])
    path = f"/v1/imports/{told['id']}/retry"
    again = (await machine.post(path)).json()
    assert (again["kind"], again["retry_of"], again["total"]) == ("indicator_values", told["id"], 1)
    assert again["rows"][0]["source_index"] == 1
    assert faults(again["rows"][0]) == {("/region_code", "outside_regions")}
    # With the scope of the push that is tried again, and no other.
    await world.renew(machine, frozenset({"projects:push", "imports:read"}))
    refused = await machine.post(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    results = [{**ROWS[RESULTS], "year": 2026}, ROWS[RESULTS]]
    told = await receipt(office, RESULTS, results)
    again = (await office.post(f"/v1/imports/{told['id']}/retry")).json()
    assert (again["total"], counts(again)) == (1, {"rejected": 1})
    done = await receipt(office, RESULTS, [ROWS[RESULTS]])
    assert (await office.post(f"/v1/imports/{done['id']}/retry")).json()["code"] == "state_conflict"


async def test_a_receipt_as_a_file(machine: Actor) -> None:
    bad = {**ROWS[VALUES], "year": 2026, "source": {**ROWS[VALUES]["source"], "date": "x"}}
    told = await receipt(machine, VALUES, [ROWS[VALUES], bad])
    corrected = await receipt(machine, VALUES, [{**ROWS[VALUES], "value": "46.00"}])
    text = (await machine.get(f"/v1/imports/{told['id']}/receipt.csv")).content.decode("utf-8-sig")
    head, first, second = csv.reader(io.StringIO(text, newline=""))
    assert head[:5] == ["所属地区", "年度", "指标", "指标值", "来源文件"]
    assert head[5:] == ["行号", "结果", "记录ID", "变更字段", "错误"]
    assert first[:4] == [REGION, "2024", "grassland_cover", "45.26"]
    assert first[5:] == ["1", "新建", told["rows"][0]["id"], "", ""]
    assert (second[6], second[7]) == ("拒绝", "")
    assert "年度：超出范围" in second[9]
    assert "来源文件：格式不正确" in second[9]
    text = (await machine.get(f"/v1/imports/{corrected['id']}/receipt.csv")).content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline="")))[1][8] == "指标值"
    assert (await machine.get(f"/v1/imports/{told['id']}/receipt.xlsx")).status_code == 200


async def test_who_is_recused_enters_no_result_of_the_region(world: World, office: Actor) -> None:
    walled = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(walled, f"region:{REGION}")
    free = {**ROWS[RESULTS], "region_code": OTHER}
    broken = {**ROWS[RESULTS], "year": 2026}
    for rows in ([ROWS[RESULTS]], [free, ROWS[RESULTS]], [broken]):
        for query in ("", "?dry_run=true", "?mode=atomic"):
            answer = await push(walled, RESULTS, rows, query)
            assert (answer.status_code, answer.json()["code"]) == (403, "recused")
    assert await world.rows("SELECT 1 FROM earlier_results UNION ALL SELECT 1 FROM import_runs") == []
    assert counts(await receipt(walled, RESULTS, [free])) == {"created": 1}
    assert counts(await receipt(office, RESULTS, [ROWS[RESULTS]])) == {"created": 1}
    # What was published is read by everybody, recused or not; so are dossiers.
    assert len(await listed(walled, RESULTS)) == 2
    # A retry is an act of its own.
    told = await receipt(office, RESULTS, [{**ROWS[RESULTS], "year": 2026}])
    await world.wall(office, f"region:{REGION}")
    assert (await office.post(f"/v1/imports/{told['id']}/retry")).json()["code"] == "recused"


async def test_staff_of_a_region_enter_no_result_of_it(world: World) -> None:
    both = await world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    told = await receipt(both, RESULTS, [ROWS[RESULTS], {**ROWS[RESULTS], "region_code": OTHER}])
    assert [row["action"] for row in told["rows"]] == ["rejected", "created"]
    assert faults(told["rows"][0]) == {("/region_code", "outside_regions")}


_INSERT = (
    "INSERT INTO earlier_results (id, region_code, year, source_system, edition, source_title, source_number, "
    "source_date, import_run_id, entered_by, entered_at, grade) SELECT gen_random_uuid(), $1, 2020, 'x', 1, 't', 'n', "
    "'2021-01-01', id, $2, now(), 'g' FROM import_runs LIMIT 1"
)


async def test_the_database_refuses_a_recused_officer(
    world: World, office: Actor, app_role: asyncpg.Connection
) -> None:
    for actor in (office, await world.person(Role.LEAGUE_OFFICE)):
        await receipt(actor, RESULTS, [{**ROWS[RESULTS], "region_code": OTHER}])
        if actor is not office:
            await world.wall(actor, f"region:{REGION}")
        transaction = app_role.transaction()
        await transaction.start()
        await app_role.execute("SELECT gate.enter('person', $1, '{}')", actor.id)
        if actor is office:
            await app_role.execute(_INSERT, REGION, actor.id)
        else:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app_role.execute(_INSERT, REGION, actor.id)
        await transaction.rollback()


async def test_years_of_this_system_are_its_own(world: World, office: Actor, editor: Actor) -> None:
    last = {**ROWS[RESULTS], "year": 2025}
    assert counts(await receipt(office, RESULTS, [last, ROWS[RESULTS]])) == {"created": 2}
    [scheme] = await listed(office, "evaluation-schemes")
    cycle = {"assessment_year": 2025, "scheme_id": scheme["id"], "due_on": "2026-04-30"}
    assert (await office.post("/v1/evaluation-cycles", cycle)).status_code == 201
    told = await receipt(office, RESULTS, [last, ROWS[RESULTS]])
    assert [faults(row) for row in told["rows"]] == [{("/year", "assessed_here")}, set()]
    # What stood of it before is not shown beside what is evaluated here.
    assert [one["year"] for one in await listed(office, RESULTS)] == [2024]
    made = await editor.post("/v1/plans", {"region_code": REGION, "year": 2025})
    assert made.status_code == 201
    told = await receipt(editor, PLANS, [{**ROWS[PLANS], "year": 2025}, ROWS[PLANS]])
    assert [faults(row) for row in told["rows"]] == [{("/year", "exists")}, set()]
    assert [plan["year"] for plan in await listed(editor, "plans")] == [2025]
    assert [plan["year"] for plan in await listed(editor, PLANS)] == [2024]
