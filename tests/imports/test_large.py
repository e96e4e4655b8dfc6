"""Large pushes are the worker's: one effect, progress, a receipt to the row, and a way to stop them."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest

from app.imports import service
from app.models.identity import Role
from tests.bench.push import rows_for
from tests.imports.pushing import PUSH, REGIONS, Row, counts, ndjson, push, receipt, rows_of
from tests.world import Actor, World

MANY = 1_300


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine(*REGIONS)


async def taken(machine: Actor, body: bytes | list[Row], query: str = "", **options: Any) -> str:
    answer = await push(machine, body, query, **options)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["retry-after"]
    place: str = answer.headers["location"]
    return place


async def shown(actor: Actor, place: str) -> dict[str, Any]:
    answer = await actor.get(place)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def all_rows(actor: Actor, place: str, query: str = "") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await actor.get(f"{place}/rows?limit=200{query}{cursor}")).json()
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        cursor = f"&cursor={page['next_cursor']}"


def mixed() -> list[Row]:
    """Every tenth row is broken, and one stands twice."""
    rows: list[Row] = [
        {**row, **({"primary_mode": "魔法"} if n % 10 == 3 else {})} for n, row in enumerate(rows_for(MANY))
    ]
    rows[700] = {**rows[700], "external_id": rows[0]["external_id"]}
    return rows


async def test_a_large_push_is_done_by_the_worker(world: World, machine: Actor) -> None:
    place = await taken(machine, mixed(), key="large")
    told = await shown(machine, place)
    assert (told["state"], told["outcome"], told["rows"], told["total"]) == ("queued", None, None, 0)
    assert told["progress"] == {"rows_read": 0, "step": "waiting", "cancel_asked": False}
    assert (await machine.get(f"{place}/receipt.csv")).json()["reason"] == "no_receipt"
    await world.drain()
    told = await shown(machine, place)
    assert (told["state"], told["outcome"], told["rows"], told["progress"]) == ("finished", "partial", None, None)
    assert counts(told) == {"created": MANY - 131, "rejected": 131}
    rows = await all_rows(machine, place)
    assert [row["index"] for row in rows] == list(range(MANY))
    assert [row["external_id"] for row in rows] == [row["external_id"] for row in mixed()]
    assert {row["index"] for row in rows if row["action"] == "rejected"} == {700, *range(3, MANY, 10)}
    assert rows[3]["errors"][0]["pointer"] == "/primary_mode"
    assert rows[700]["errors"] == [{"pointer": "/external_id", "code": "duplicate", "detail": "重复"}]
    assert len(await world.rows("SELECT 1 FROM projects")) == MANY - 131
    assert len(await world.rows("SELECT 1 FROM audit_entries WHERE action = 'projects.create'")) == MANY - 131
    # The key again: the same run, whatever became of it.
    assert await taken(machine, mixed(), key="large") == place
    again = await taken(machine, mixed())
    await world.drain()
    assert counts(await shown(machine, again)) == {"unchanged": MANY - 131, "rejected": 131}


async def test_small_and_large_tell_the_same(world: World, machine: Actor) -> None:
    """The worker's way and the request's are one: rows told together and told in parts get the same receipts."""
    large = await taken(machine, mixed(), "?dry_run=true")
    await world.drain()
    told = [{**row, "source_index": 0, "index": 0} for row in await all_rows(machine, large)]
    parts = [await receipt(machine, mixed()[start : start + 650], "?dry_run=true") for start in (0, 650)]
    small = [{**row, "source_index": 0, "index": 0} for part in parts for row in part["rows"]]
    # The row that repeats an id of the other half is a duplicate in the large one only.
    told[700] = small[700]
    assert told == small


async def test_a_key_that_repeats_a_running_push_has_one_effect(world: World, machine: Actor) -> None:
    body = ndjson(rows_for(MANY))
    first = await taken(machine, body, key="k")
    assert await taken(machine, body, key="k") == first
    await world.drain()
    await world.drain()
    assert await taken(machine, body, key="k") == first
    assert len(await world.rows("SELECT 1 FROM import_runs")) == 1
    other = await push(machine, body + b"\n{}", key="k")
    assert other.json()["code"] == "idempotency_key_reused"


async def test_cancelling(world: World, machine: Actor) -> None:
    place = await taken(machine, ndjson(rows_for(MANY)))
    stranger = await world.machine("152501")
    assert (await stranger.post(f"{place}/cancel")).status_code == 404
    # The office has receipts of its own to cancel, of earlier results; a committee member has none.
    office, member = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.LEAGUE_COMMITTEE)
    assert (await office.post(f"{place}/cancel")).status_code == 404
    assert (await member.post(f"{place}/cancel")).status_code == 403
    asked = await machine.post(f"{place}/cancel")
    assert (asked.status_code, asked.headers["location"]) == (202, place)
    assert (await shown(machine, place))["progress"]["cancel_asked"]
    await world.drain()
    told = await shown(machine, place)
    assert (told["state"], told["outcome"], told["total"]) == ("cancelled", None, 0)
    for table in ("projects", "import_rows", "organisations WHERE name LIKE '示例单位0%'"):
        assert await world.rows(f"SELECT 1 FROM {table}") == []  # noqa: S608
    ended = await machine.post(f"{place}/cancel")
    assert (ended.status_code, ended.json()["reason"]) == (409, "has_ended")
    assert (await machine.post(f"{place}/retry")).json()["reason"] == "nothing_to_retry"


async def test_rights_that_ended_meanwhile(world: World, machine: Actor) -> None:
    """What was taken away between the push and the work is not there any more."""
    await taken(machine, ndjson(rows_for(MANY)))
    admin = await world.person(Role.SYSTEM_ADMIN)
    place = f"/v1/clients/{machine.id}"
    etag = {"If-Match": (await admin.get(place)).headers["etag"]}
    dropped = await admin.client.patch(place, json={"regions": ["152501"]}, headers=etag)
    assert dropped.status_code == 200, dropped.text
    await world.drain()
    [told] = await world.rows("SELECT action, errors FROM import_rows WHERE index = 1")
    assert (told.action, told.errors) == ("rejected", [{"pointer": "/region_code", "code": "outside_regions"}])
    assert len(await world.rows("SELECT 1 FROM projects")) == MANY // len(REGIONS)


async def test_a_run_that_cannot_be_done_says_why(
    world: World, machine: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await taken(machine, ndjson(rows_for(MANY)))
    await world.drain()
    exported = await machine.get("/v1/projects/export.csv")
    place = await taken(machine, exported.content + b'"never closed\n', media_type="text/csv")
    await world.drain()
    told = await shown(machine, place)
    assert (told["state"], told["failure"], told["total"]) == ("failed", "malformed_csv", 0)

    async def breaks(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(service, "execute", breaks)
    place = await taken(machine, ndjson(rows_for(MANY)))
    with pytest.raises(ZeroDivisionError):
        await world.drain()
    await world.rows("UPDATE jobs SET attempts = 8, leased_until = '2000-01-01' WHERE state = 'claimed' RETURNING 1")
    await world.drain()
    told = await shown(machine, place)
    assert (told["state"], told["failure"]) == ("failed", "internal_error")


async def test_only_what_was_refused_is_tried_again(world: World, machine: Actor) -> None:
    """Rows refused for a body of two names go through once one of them has another."""
    rows = list(rows_for(6))
    named = rows[4]["investment_entity"]["name"]
    twins = [await world.organisation(named, region_code=rows[4]["region_code"]) for _ in range(2)]
    rows[1] = {**rows[1], "funding": "x"}
    first = await receipt(machine, rows)
    assert [row["action"] for row in first["rows"]] == [
        "created",
        "rejected",
        "created",
        "created",
        "rejected",
        "created",
    ]
    await world.rows("UPDATE organisations SET name = '另一单位（示例）' WHERE id = :id RETURNING 1", id=twins[0])
    dry = (await machine.post(f"/v1/imports/{first['id']}/retry?dry_run=true")).json()
    assert (dry["dry_run"], dry["created"], dry["rejected"]) == (True, 1, 1)
    again = (await machine.post(f"/v1/imports/{first['id']}/retry")).json()
    assert (again["retry_of"], again["total"], again["outcome"]) == (first["id"], 2, "partial")
    assert [(row["index"], row["source_index"], row["action"]) for row in again["rows"]] == [
        (0, 1, "rejected"),
        (1, 4, "created"),
    ]
    # Of the retry only what it refused itself is left.
    third = (await machine.post(f"/v1/imports/{again['id']}/retry")).json()
    assert [(row["source_index"], row["action"]) for row in third["rows"]] == [(1, "rejected")]
    told = (await machine.get(f"/v1/imports/{third['id']}/receipt.csv")).content.decode("utf-8-sig")
    assert rows[1]["name"] in told
    assert rows[4]["name"] not in told
    stranger = await world.machine("152501")
    assert (await stranger.post(f"/v1/imports/{first['id']}/retry")).status_code == 404


def packed(body: bytes) -> bytes:
    return gzip.compress(body)


async def test_gzip(world: World, machine: Actor, sample: bytes) -> None:
    encoded = {"Content-Encoding": "gzip"}
    told = await push(machine, packed(sample), **encoded)
    assert (told.status_code, told.json()["created"]) == (200, 52)
    whole = packed(sample)
    for body in (whole[:-1], whole + b"x", whole + whole, b"plain", whole[:20] + b"\0" * 20 + whole[40:]):
        answer = await push(machine, body, **encoded)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "malformed_gzip")
    bomb = packed(b" " * (9 * 2**20))
    assert (await push(machine, bomb, media_type="application/json", **encoded)).status_code == 413
    assert (await push(machine, whole, **{"Content-Encoding": "br"})).status_code == 415
    large = await taken(machine, packed(ndjson(rows_for(MANY))), **encoded)
    await world.drain()
    assert (await shown(machine, large))["created"] == MANY


async def test_an_officer_pushes_for_the_region(world: World, sample: bytes) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    rows = rows_of(sample)
    own = [row for row in rows if row["region_code"] == "152501"]
    told = await receipt(editor, own)
    assert (told["source_system"], told["created"]) == ("region-152501", len(own))
    project = await shown(editor, f"/v1/projects/{told['rows'][0]['id']}")
    assert (project["membership"], project["source_system"]) == ("proposed", "region-152501")
    assert counts(await receipt(editor, own)) == {"unchanged": len(own)}
    other = next(row for row in rows if row["region_code"] != "152501")
    refused = await receipt(editor, [{**other, "external_id": "o"}])
    assert refused["rows"][0]["errors"][0]["code"] == "outside_regions"
    both = await world.person((Role.REGION_EDITOR, "152501"), (Role.REGION_EDITOR, "152502"))
    assert (await push(both, own)).json()["errors"][0] == {
        "pointer": "?region_code",
        "code": "required",
        "detail": "必填",
    }
    assert (await push(both, own, "?region_code=152522")).status_code == 422
    assert (await receipt(both, own, "?region_code=152501"))["unchanged"] == len(own)
    # Who pushed reads the receipt; a colleague does not.
    place = f"/v1/imports/{told['id']}"
    assert (await editor.get(place)).status_code == 200
    assert (await both.get(place)).status_code == 404
    machine = await world.machine("152501")
    assert (await push(machine, own, "?region_code=152501")).status_code == 422


async def test_tables_are_pushed_and_come_back_with_their_columns(world: World, machine: Actor) -> None:
    template = await machine.get("/v1/imports/projects/template.xlsx")
    assert zipfile.is_zipfile(io.BytesIO(template.content))
    rows = list(rows_for(5))
    assert counts(await receipt(machine, rows)) == {"created": 5}
    for form, media_type in (
        ("csv", "text/csv"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ):
        exported = await machine.get(f"/v1/projects/export.{form}?source_system=province-projects")
        told = await receipt(machine, exported.content, media_type=media_type)
        assert counts(told) == {"unchanged": 5}
        for kind in ("csv", "xlsx"):
            file = await machine.get(f"/v1/imports/{told['id']}/receipt.{kind}")
            assert file.status_code == 200
            assert file.headers["content-disposition"].startswith("attachment")
        text = (await machine.get(f"/v1/imports/{told['id']}/receipt.csv?action=rejected")).content.decode("utf-8-sig")
        assert len(text.splitlines()) == 1
    text = (await machine.get("/v1/projects/export.csv")).content.decode("utf-8-sig")
    mangled = text.replace("示例项目0000002", "改名项目")
    told = await receipt(machine, mangled.encode("gb18030"), media_type="text/csv; charset=GBK")
    assert counts(told) == {"updated": 1, "unchanged": 4}
    assert (await push(machine, text.encode(), media_type="text/csv; charset=latin-1")).status_code == 415
    assert (await push(machine, ndjson(rows), media_type="application/x-ndjson; charset=gbk")).status_code == 415
    wrong = await push(machine, mangled.encode(), media_type="text/csv; charset=gbk")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "charset_contradicted")


async def test_five_answers(world: World, machine: Actor) -> None:
    place = f"/v1/imports/{(await receipt(machine, list(rows_for(2))))['id']}"
    bare = {"Authorization": ""}
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    for part in ("/receipt.csv", "/receipt.xlsx"):
        assert (await machine.get(place + part)).status_code == 200
        assert (await machine.client.get(place + part, headers=bare)).status_code == 401
        assert (await approver.get(place + part)).status_code == 403
        assert (await (await world.machine("152501")).get(place + part)).status_code == 404
        assert (await machine.get(f"{place}{part}?action=odd")).status_code == 422
    listed = (await machine.get("/v1/imports?include_total=true")).json()
    assert (listed["total"], listed["items"][0]["outcome"]) == (1, "succeeded")
    assert (await (await world.machine("152501")).get("/v1/imports")).json()["items"] == []
    assert (await machine.client.get("/v1/imports", headers=bare)).status_code == 401
    assert (await approver.get("/v1/imports")).status_code == 403
    assert (await machine.get("/v1/imports?state=odd")).status_code == 422
    for act in ("retry", "cancel"):
        assert (await machine.client.post(f"{place}/{act}", headers=bare)).status_code in {400, 401}
        assert (await approver.post(f"{place}/{act}")).status_code == 403
        assert (await machine.post(f"{place}/{act}")).status_code == 409
        assert (await machine.post(f"{place}/{act}?odd=1")).status_code in {409, 422}


def lines(rows: Iterable[Row]) -> list[bytes]:
    return [json.dumps(row, ensure_ascii=False).encode() for row in rows]


async def test_a_line_of_two_hundred_megabytes_is_one_row_that_is_too_long(machine: Actor) -> None:
    first, last = lines(rows_for(2))
    body = first + b"\n" + b"x" * (200 * 2**20) + b"\n" + last + b"\n"
    answer = await machine.client.post(
        PUSH, content=body, headers={"Idempotency-Key": "long", "Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 200
    told = answer.json()
    assert [row["action"] for row in told["rows"]] == ["created", "rejected", "created"]
    assert told["rows"][1]["errors"][0]["code"] == "too_long"
