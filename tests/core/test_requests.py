"""What is sent and cannot be meant: a clear 4xx from every route, never a 500, never silently ignored."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from httpx import AsyncClient, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.auth import registry
from app.auth.scopes import CLIENT_SCOPES, ROLE_SCOPES
from app.core import strict_json
from app.core.routing import Route
from app.models.identity import Role
from app.models.reviews import SubjectOfReview
from tests.core.walk import Operation, operations
from tests.reviews.scene import promise, seat
from tests.world import Actor, World

ORGANISATIONS = "/v1/organisations"
GOOD = {"name": "示例企业（示例）", "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}

HOSTILE_JSON = [
    b"",
    b"{",
    b"nonsense",
    b"NaN",
    b"[NaN]",
    b'{"name": NaN}',
    b'{"name": Infinity}',
    b'{"name": -Infinity}',
    b'{"name": 1e400}',
    b'{"name": -1e400}',
    b'{"name": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"name": "\\u0000"}',
    b'{"name": "a\\u0000b", "year": 2026, "reason": "\\u0000\\u0000", "title": "\\u0007"}',
    b'{"name": 1, "name": 2}',
    b'{"a": {"b": 1, "b": 2}}',
    b'{"name": ' + b"9" * 5000 + b"}",
    b'{"year": 99999999999999999999, "position": -9223372036854775809, "limit": 1.5}',
    b"[" * 100_000,
    b'{"name":' * 100_000,
    b"[" * 900 + b"]" * 900,
    b'{"geometry":' * 300 + b"1" + b"}" * 300,
    b"null",
    b"true",
    b"[]",
    b'""',
    b'"text"',
    b"{}",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    '{"name": "x"}'.encode("utf-16"),
    b'{"name": "\xed\xa0\x80"}',
    json.dumps({str(n): n for n in range(5000)}).encode(),
    json.dumps({"x" * 100_000: 1}).encode(),
]


@pytest.fixture
async def everybody(world: World) -> Actor:
    """One who holds every role: nothing is refused for want of a scope."""
    bound: dict[Role, str] = {Role.REGION_EDITOR: "152501", Role.REGION_APPROVER: "152501"}
    organisation = await world.organisation()
    person = await world.person(
        *((role, bound.get(role, organisation)) if role in {*bound, *_OF_ORGANISATION} else role for role in Role)
    )
    # The judging scopes are earned.
    async with world.admin.administration() as session:
        await registry.lock(session, person.id)
        await promise(session, world, person)
        for kind in SubjectOfReview:
            await seat(session, world, person, state="accepted", kind=kind)
    await world.renew(person)
    return person


@pytest.fixture
async def machine(world: World) -> Actor:
    """For the routes of other systems, which no role opens."""
    return await world.machine("152501")


_OF_MACHINES = CLIENT_SCOPES - frozenset().union(*ROLE_SCOPES.values())


def _is_of_machines(operation: Operation) -> bool:
    asked = {scope for way in operation.spec["security"] for scope in way.get("oauth2", ())}
    return bool(asked) and asked <= _OF_MACHINES


_OF_ORGANISATION = {Role.LEAGUE_DEPARTMENT, Role.CONSTRUCTION_ENTITY}


def _is_clear(answer: Response, told: object) -> None:
    assert answer.status_code < 500, (told, answer.text[:500])
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", told
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        for item in answer.json().get("errors", ()):
            assert len(item["pointer"]) <= 500


async def test_no_hostile_body_breaks_any_route(api: FastAPI, everybody: Actor) -> None:
    bodies = cycle(HOSTILE_JSON)
    for operation in operations(api):
        if operation.media_type != "application/json":
            continue
        for body in islice(bodies, 12):
            answer = await everybody.client.request(
                operation.method, operation.url(), content=body, headers=operation.headers()
            )
            _is_clear(answer, (operation.name, body[:60]))


HOSTILE_VALUES: list[object] = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**300,
    1.5,
    1e308,
    "",
    " ",
    "\0",
    "\x1b[0m",
    "\u202e",
    "\ufffe",
    "x" * 30_000,
    "𠀀" * 300,
    "0000-00-00",
    "9999-12-31",
    "1e5",
    "-0",
    "NaN",
    "１２",
    "../../etc",
    "'; --",
    [],
    [[]],
    ["\0"],
    [None],
    ["x"] * 5000,
    {},
    {"\0": 1},
    {"type": "Point", "coordinates": [1e308, "x"]},
]


def _members(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*path, name)
        yield from _members(part, (*path, name))


def _with(value: Any, path: tuple[str | int, ...], put: object) -> Any:
    changed = copy.deepcopy(value)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = put
    return changed


async def test_no_member_of_a_body_breaks_its_route(api: FastAPI, everybody: Actor) -> None:
    """Every member of every example of a collection's POST, replaced by what cannot be meant."""
    tried, values = 0, cycle(HOSTILE_VALUES)
    for operation in operations(api):
        if operation.media_type != "application/json" or "{" in operation.path or not operation.secured:
            continue
        media = operation.spec["requestBody"]["content"]["application/json"]
        example = media["example"] if "example" in media else next(iter(media["examples"].values()))["value"]
        for path in _members(example):
            # A few each, in turn: over all members every value comes up many times.
            for value in islice(values, 6):
                answer = await everybody.client.request(
                    operation.method,
                    operation.url(),
                    content=json.dumps(_with(example, path, value)).encode(),
                    headers=operation.headers(),
                )
                _is_clear(answer, (operation.name, path, str(value)[:40]))
                tried += 1
    assert tried > 300


async def test_no_hostile_query_breaks_any_route(api: FastAPI, everybody: Actor) -> None:
    values = ["", "%00", "%ff", "9" * 5000, "-1", "1e400", "NaN", "%ed%a0%80", "x" * 3000, "[]", "null", "１２"]
    for operation in operations(api):
        names = [p["name"] for p in operation.spec.get("parameters", ()) if p["in"] == "query"]
        for name in names:
            for value in values:
                answer = await everybody.client.request(
                    operation.method, f"{operation.url()}?{name}={value}", headers=operation.headers()
                )
                _is_clear(answer, (operation.name, name, value[:20]))


async def test_no_hostile_path_breaks_any_route(api: FastAPI, everybody: Actor, machine: Actor) -> None:
    for operation in operations(api):
        actor = machine if _is_of_machines(operation) else everybody
        for value in ("%00", "%ff", "%2e%2e", "0" * 2000, "-1", "%ed%a0%80", "%F0%9F%90%91", "null"):
            places = {p["name"]: value for p in operation.spec.get("parameters", ()) if p["in"] == "path"}
            if places:
                answer = await actor.client.request(
                    operation.method, operation.url(**places), headers=operation.headers()
                )
                _is_clear(answer, (operation.name, value[:20]))
                assert answer.status_code in {404, 405, 415, 422}, (operation.name, value, answer.text)
                if operation.method == "get":
                    assert answer.status_code == 404, (operation.name, value, answer.text)


async def test_no_hostile_header_breaks_any_route(api: FastAPI, everybody: Actor) -> None:
    names = ("If-Match", "If-None-Match", "Idempotency-Key", "Accept-Language", "Content-Type", "Accept")
    values = cycle(("", "\xff\xfe", "x" * 3000, '"' * 50, "*", "W/*", ",,,", "9" * 500, "\t", "é", '"1.é"'))
    for operation in operations(api):
        for name, value in zip(names, values, strict=False):
            headers = operation.headers(**{name: value})
            answer = await everybody.client.request(
                operation.method,
                operation.url(),
                headers={n: v.encode("latin-1") for n, v in headers.items()},  # type: ignore[arg-type]
            )
            _is_clear(answer, (operation.name, name, value[:20]))


def _not_left_out(answer: Response) -> list[tuple[str, str]]:
    """The errors but for parameters that are required and were not sent."""
    errors = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    return [(pointer, code) for pointer, code in errors if code != "required"]


async def test_unknown_and_repeated_query_parameters_are_refused(
    api: FastAPI, everybody: Actor, machine: Actor
) -> None:
    reached = 0
    for operation in operations(api):
        if operation.method != "get" or "{" in operation.path:
            continue
        actor = machine if _is_of_machines(operation) else everybody
        answer = await actor.get(f"{operation.path}?canary=1")
        assert answer.status_code == 422, (operation.name, answer.text)
        assert _not_left_out(answer) == [("?canary", "unknown_parameter")], operation.name
        for parameter in operation.spec.get("parameters", ()):
            if parameter["name"] == "limit":
                answer = await actor.get(f"{operation.path}?limit=1&limit=2")
                assert answer.status_code == 422
                assert _not_left_out(answer) == [("?limit", "repeated_parameter")]
                reached += 1
    assert reached >= 5


def test_every_route_closes_its_query(shared_api: FastAPI) -> None:
    """Also where a request cannot reach the check without a row to act on."""
    for context in iter_route_contexts(shared_api.routes):
        route = context.original_route
        if not context.include_in_schema:
            continue
        assert isinstance(route, Route), context.path
        models = [p.field_info.annotation for call in _flatten(context.dependant) for p in call.query_params]
        assert models, context.path
        for model in models:
            assert isinstance(model, type), (context.path, model)
            assert issubclass(model, BaseModel), (context.path, model)
            assert model.model_config.get("extra") == "forbid", (context.path, model)


def _flatten(dependant: Dependant) -> list[Dependant]:
    return [dependant, *(inner for child in dependant.dependencies for inner in _flatten(child))]


async def test_without_a_token_the_body_is_not_looked_at(api: FastAPI, http: AsyncClient, everybody: Actor) -> None:
    secured = [o for o in operations(api) if o.secured]
    assert secured
    for operation in secured:
        bare = await http.request(operation.method, operation.url(), content=b"{", headers=operation.headers())
        assert bare.status_code == (401 if operation.media_type else 415), operation.name
    answer = await everybody.client.post(
        ORGANISATIONS, content=b"{", headers={"Content-Type": "application/json", "Idempotency-Key": "k"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "malformed_json")


async def test_every_secured_route_refuses_without_a_token(api: FastAPI, http: AsyncClient) -> None:
    for operation in operations(api):
        if operation.secured:
            answer = await http.request(operation.method, operation.url(), headers=operation.headers())
            assert answer.status_code == 401, (operation.name, answer.text)
            assert answer.json()["code"] == "invalid_token"


async def test_every_keyed_route_asks_for_its_key_first(api: FastAPI, http: AsyncClient) -> None:
    keyed: list[Operation] = [o for o in operations(api) if o.keyed]
    assert keyed
    for operation in keyed:
        headers = {n: v for n, v in operation.headers().items() if n != "Idempotency-Key"}
        answer = await http.request(operation.method, operation.url(), content=b"{", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing"), operation.name


async def test_a_body_where_none_is_taken_is_refused(api: FastAPI, everybody: Actor) -> None:
    for operation in operations(api):
        if operation.media_type is None:
            answer = await everybody.client.request(
                operation.method,
                operation.url(),
                content=b'{"ignored": 1}',
                headers=operation.headers(**{"Content-Type": "application/json"}),
            )
            assert answer.status_code == 415, (operation.name, answer.text)


async def test_media_types(everybody: Actor) -> None:
    body = json.dumps(GOOD).encode()
    for stated, status in (
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("APPLICATION/JSON", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/jsonp", 415),
        ("", 415),
    ):
        headers = {"Content-Type": stated, "Idempotency-Key": f"k-{hash(stated)}"}
        answer = await everybody.client.post(ORGANISATIONS, content=body, headers=headers)
        assert answer.status_code == status, (stated, answer.text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_strict_json_reads_what_json_writes_and_nothing_that_fails_later(value: object) -> None:
    """Whatever is read can be written again as strict UTF-8 JSON: that is what the database and answers need."""
    raw = json.dumps(value).encode()
    try:
        read = strict_json.parse(raw)
    except strict_json.JsonRefusedError:
        text = json.dumps(value, ensure_ascii=False)
        assert "NaN" in text or "Infinity" in text or any("\ud800" <= c <= "\udfff" for c in text)
        return
    assert json.loads(json.dumps(read, ensure_ascii=False, allow_nan=False).encode()) == value


@given(st.binary(max_size=200))
def test_strict_json_refuses_in_one_way_only(raw: bytes) -> None:
    with suppress(strict_json.JsonRefusedError):
        json.dumps(strict_json.parse(raw), ensure_ascii=False, allow_nan=False).encode()


def test_strict_json_depth() -> None:
    at = strict_json.MAX_DEPTH
    assert strict_json.parse(b"[" * at + b"]" * at) is not None
    with pytest.raises(strict_json.JsonRefusedError):
        strict_json.parse(b"[" * (at + 1) + b"]" * (at + 1))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys((*GOOD, "short_name", "credit_code", "parent_id", "charge_modes", "x"), json_values),
    )
)
async def test_no_body_of_the_right_members_breaks_a_route(everybody: Actor, body: dict[str, object]) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "fuzz"}
    merged = json.dumps(GOOD | body).encode()
    answer = await everybody.client.post(ORGANISATIONS, content=merged, headers=headers)
    _is_clear(answer, body)
    assert answer.status_code in {201, 422}
