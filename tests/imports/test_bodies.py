"""Bodies: media types, what concerns the whole document, what stays with one row. Never a 500."""

import json
from typing import Any
from uuid import uuid4

import pytest
from httpx import Response

from tests.imports.pushing import REGIONS, Row, counts, faults, ndjson, push, receipt, rows_of
from tests.world import Actor, World

JSON = "application/json"


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine(*REGIONS)


@pytest.fixture
def row(sample: bytes) -> Row:
    return rows_of(sample)[0]


def found(answer: Response) -> set[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


async def test_refusals_come_in_order(world: World, machine: Actor, row: Row) -> None:
    headers = {"Content-Type": "text/plain"}
    path = "/v1/imports/projects"
    assert (await machine.client.post(path, content=b"x", headers=headers)).status_code == 400
    keyed = {**headers, "Idempotency-Key": "k", "Authorization": ""}
    assert (await machine.client.post(path, content=b"x", headers=keyed)).status_code == 415
    unknown = {"Content-Type": JSON, "Idempotency-Key": "k", "Authorization": ""}
    assert (await machine.client.post(path, content=b"{", headers=unknown)).status_code == 401
    reader = await world.machine("152501", scopes=frozenset({"projects:read"}))
    assert (await push(reader, b"{", media_type=JSON)).json()["code"] == "insufficient_scope"
    assert found(await push(machine, b"{", media_type=JSON)) == {("", "malformed_json")}
    assert found(await push(machine, [row], "?mode=best&nonsense=1&dry_run=maybe")) == {
        ("?mode", "invalid_choice"),
        ("?nonsense", "unknown_parameter"),
        ("?dry_run", "invalid_format"),
    }
    without = {"Idempotency-Key": "k2", "Content-Type": ""}
    assert (await machine.client.post(path, content=b"", headers=without)).status_code == 415


@pytest.mark.parametrize("media_type", [JSON, "application/json; charset=utf-8", "application/x-ndjson"])
async def test_both_forms_say_the_same(world: World, machine: Actor, sample: bytes, media_type: str) -> None:
    rows = rows_of(sample)
    body = sample if "ndjson" in media_type else json.dumps({"items": rows}).encode()
    told = await receipt(machine, body, media_type=media_type)
    assert counts(told) == {"created": 52}
    other = sample if "ndjson" not in media_type else json.dumps({"items": rows}, ensure_ascii=False).encode()
    form = "application/x-ndjson" if "ndjson" not in media_type else JSON
    assert counts(await receipt(machine, b"\xef\xbb\xbf" + other, media_type=form)) == {"unchanged": 52}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ("", "malformed_json")),
        (b"{", ("", "malformed_json")),
        (b"[]", ("", "wrong_type")),
        (b"null", ("", "wrong_type")),
        (b'"items"', ("", "wrong_type")),
        (b"{}", ("/items", "required")),
        (b'{"items": {}}', ("/items", "wrong_type")),
        (b'{"items": []}', ("/items", "too_few")),
        (b'{"items": [], "more": 1}', ("", "unknown_field")),
        (b'{"items": [1], "items": [1]}', ("", "duplicate_member")),
        (b'{"items": [{}', ("", "malformed_json")),
        (b'{"items": [{}]} x', ("", "malformed_json")),
        (b'{"items": [NaN}', ("", "malformed_json")),
        (b'{"items": [\xff]}', ("", "malformed_json")),
        (b'{"items": ' + b"[" * 100_000, ("", "malformed_json")),
        ('{"items": [{}]}'.encode("utf-16"), ("", "malformed_json")),
    ],
)
async def test_a_document_that_is_wrong_as_a_whole(machine: Actor, body: bytes, expected: tuple[str, str]) -> None:
    assert found(await push(machine, body, media_type=JSON)) == {expected}


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf"])
async def test_an_empty_push_is_refused(machine: Actor, body: bytes) -> None:
    assert found(await push(machine, body)) == {("", "too_few")}


def _with(row: Row, name: str, text: str) -> bytes:
    """The row's JSON text with one member's value replaced by raw text; each text with a key of its own."""
    marked = json.dumps({**row, "external_id": f"bad-{uuid4().hex}", name: "@@"}, ensure_ascii=False)
    return marked.replace('"@@"', text).encode()


def hostile(row: Row) -> list[tuple[bytes, set[tuple[str, str]]]]:
    """Texts of rows, and the errors that each must give."""
    deep = "[" * 100_000
    return [
        (_with(row, "starts_on", "NaN"), {("", "malformed_json")}),
        (_with(row, "starts_on", "Infinity"), {("", "malformed_json")}),
        (_with(row, "name", '"\\ud800"'), {("", "malformed_json")}),
        (_with(row, "name", '"a\\u0000b"'), {("/name", "invalid_format")}),
        (_with(row, "name", '"x", "name": "y"'), {("", "duplicate_member")}),
        (_with(row, "location", "[" * 200 + "]" * 200), {("", "malformed_json")}),
        (_with(row, "location", deep + "]" * 100_000), {("", "malformed_json")}),
        (_with(row, "expected_benefits", '{"jobs": ' + "9" * 5_000 + "}"), {("", "malformed_json")}),
        (_with(row, "expected_benefits", '{"jobs": ' + "9" * 30 + "}"), {("/expected_benefits/jobs", "out_of_range")}),
        (_with(row, "expected_benefits", '{"jobs": 1e3}'), {("/expected_benefits/jobs", "wrong_type")}),
        (_with(row, "expected_benefits", '{"jobs": 1e999}'), {("", "malformed_json")}),
        (_with(row, "expected_benefits", '{"jobs": true}'), {("/expected_benefits/jobs", "wrong_type")}),
        (_with(row, "expected_benefits", '{"jobs": 0}'), {("/expected_benefits", "required")}),
        (_with(row, "axis", 'null, "\\u0000x": 1'), {("", "unknown_field")}),
        (_with(row, "axis", f'null, "{"k" * 500}": 1'), {("", "unknown_field")}),
        (_with(row, "axis", 'null, "a/b~": 1'), {("/a~1b~0", "unknown_field")}),
        (_with(row, "external_id", '"\\u0000"'), {("/external_id", "invalid_format")}),
        (_with(row, "external_id", f'"{"x" * 300}"'), {("/external_id", "too_long")}),
        (_with(row, "external_id", "17"), {("/external_id", "wrong_type")}),
        (_with(row, "external_id", '" "'), {("/external_id", "too_short")}),
        (_with(row, "region_code", '"１５２５０１"'), {("/region_code", "invalid_format")}),
        (_with(row, "ends_on", '"2024-02-30"'), {("/ends_on", "invalid_format")}),
        (_with(row, "ends_on", '"1999-01-01"'), {("/ends_on", "dates_out_of_order")}),
        (_with(row, "ends_on", "1767225600"), {("/ends_on", "invalid_format")}),
        (
            _with(row, "location", '{"type": "Point", "coordinates": [43.7, 112]}'),
            {("/location/coordinates", "out_of_range")},
        ),
        (
            _with(row, "funding", '[{"source": "central", "planned": 1.5, "done": "0"}]'),
            {("/funding/0/planned", "wrong_type")},
        ),
        (
            _with(row, "funding", '[{"source": "central", "planned": "1.005", "done": "1e5"}]'),
            {("/funding/0/planned", "invalid_format"), ("/funding/0/done", "invalid_format")},
        ),
        (_with(row, "building_stage", '"拆除"'), {("/building_stage", "invalid_choice")}),
        (
            b"{}",
            {
                (f"/{name}", "required")
                for name in (
                    "external_id",
                    "name",
                    "region_code",
                    "primary_mode",
                    "investment_entity",
                    "construction_content",
                    "building_stage",
                    "expected_benefits",
                )
            },
        ),
        (b"17", {("", "wrong_type")}),
        (b"null", {("", "wrong_type")}),
        (b"[]", {("", "wrong_type")}),
    ]


async def test_a_hostile_row_spoils_only_itself(machine: Actor, row: Row) -> None:
    cases = hostile(row)
    good = [{**row, "external_id": f"good-{number}"} for number in range(len(cases))]
    texts = [text for number, (text, _) in enumerate(cases) for text in (ndjson([good[number]]).strip(), text)]
    for body, media_type in (
        (b"\n".join(texts) + b"\n", "application/x-ndjson"),
        # The shapes that no scanner can step over concern the whole document.
        (b'{"items": [' + b", ".join(text for text in texts if b"[" * 1000 not in text) + b"]}", JSON),
    ):
        told = await receipt(machine, body, media_type=media_type)
        expected = [errors for text, errors in cases if media_type != JSON or b"[" * 1000 not in text]
        rejected = [faults(one) for one in told["rows"] if one["action"] == "rejected"]
        assert rejected == expected
        assert told["rejected"] == len(expected)


async def test_lines_that_are_no_documents(machine: Actor, row: Row) -> None:
    line = ndjson([row]).strip()
    body = line + b"\r\n" + b"{" + b"\n" + b"\n" + b"\xff\xfe\n" + b"{} {}\n" + b"\n  \n"
    told = await receipt(machine, body)
    assert [one["action"] for one in told["rows"]] == ["created", *["rejected"] * 4]
    assert all(faults(one) == {("", "malformed_json")} for one in told["rows"][1:])


async def test_a_thousand_rows_and_no_more(world: World, machine: Actor, row: Row) -> None:
    rows = [{**row, "external_id": f"n-{number}"} for number in range(1_001)]
    answer = await push(machine, json.dumps({"items": rows}).encode(), media_type=JSON)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_many_items")
    assert await world.rows("SELECT 1 FROM import_runs") == []
    told = await receipt(machine, rows[:1_000])
    assert counts(told) == {"created": 1_000}
    pages: list[dict[str, Any]] = []
    path = f"/v1/imports/{told['id']}/rows?limit=200"
    cursor: str | None = ""
    while cursor is not None:
        page = (await machine.get(f"{path}&cursor={cursor}" if cursor else path)).json()
        pages += page["items"]
        cursor = page["next_cursor"]
    assert pages == told["rows"]
    assert (await push(machine, b" " * (9 * 1024 * 1024), media_type=JSON)).status_code == 413


async def test_errors_speak_the_callers_language(machine: Actor) -> None:
    for language, words in (("en", "required"), ("zh-CN", "必填")):
        told = await receipt(machine, [{}], **{"Accept-Language": language})
        assert {error["detail"] for error in told["rows"][0]["errors"]} == {words}


async def test_a_row_with_endless_errors_tells_enough_of_them(machine: Actor, row: Row) -> None:
    endless = {**row, **{f"member-{number}": 1 for number in range(5_000)}}
    told = await receipt(machine, [row, endless])
    assert [one["action"] for one in told["rows"]] == ["created", "rejected"]
    assert ("/external_id", "duplicate") in faults(told["rows"][1])
    assert 100 < len(told["rows"][1]["errors"]) <= 200


async def test_the_documented_examples_work(world: World) -> None:
    machine = await world.machine("152501")
    content = world.api.openapi()["paths"]["/v1/imports/projects"]["post"]["requestBody"]["content"]
    bodies = {kind: json.dumps(documented.get("example")).encode() for kind, documented in content.items()}
    for media_type, action in ((JSON, "created"), ("application/x-ndjson", "unchanged")):
        assert counts(await receipt(machine, bodies[media_type], media_type=media_type)) == {action: 1}
    example = content["text/csv"]["example"]
    assert counts(await receipt(machine, example.encode(), media_type="text/csv")) == {"unchanged": 1}
