"""Every refusal in one shape (RFC 9457): status by status, in both languages, with its request id, without input."""

import json
from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import pytest
from httpx import AsyncClient, Response

from app.core.errors import FIELD_CODES, REGISTER
from app.models.identity import Role
from tests.ground import MAX_BODY_BYTES
from tests.world import Actor, World

CANARY = "canary-in-the-input"
BODY = {"name": "示例企业（示例）", "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}
ORGANISATIONS = "/v1/organisations"
Cause = Callable[[Actor, str], Awaitable[Response]]


async def _bare(office: Actor, method: str, path: str, headers: dict[str, str], content: bytes = b"") -> Response:
    return await office.client.request(method, path, headers=headers, content=content)


JSON = {"Content-Type": "application/json", "Idempotency-Key": CANARY}
CAUSES: list[tuple[int, str, Cause]] = [
    (400, "idempotency_key_missing", lambda o, _: o.client.post(ORGANISATIONS, json={CANARY: 1})),
    (400, "bad_request", lambda o, _: _bare(o, "GET", "/v1/regions", {"Content-Length": "-1"})),
    (401, "invalid_token", lambda o, _: o.get("/v1/regions", headers={"Authorization": f"Bearer {CANARY}"})),
    (403, "insufficient_scope", lambda o, _: o.get("/v1/regions", headers={"Authorization": o.extra["narrow"]})),
    (404, "not_found", lambda o, _: o.get(f"{ORGANISATIONS}/{uuid4()}")),
    (404, "not_found", lambda o, _: o.get(f"{ORGANISATIONS}/{CANARY}")),
    (404, "not_found", lambda o, _: o.get(f"/{CANARY}")),
    (405, "method_not_allowed", lambda o, _: o.client.put(ORGANISATIONS, json={CANARY: 1})),
    (409, "conflict", lambda o, _: o.post(ORGANISATIONS, {**BODY, "credit_code": "93152525MA0ABCDE66"})),
    (412, "precondition_failed", lambda o, path: o.patch(path, {CANARY: 1}, etag='"9.0123456789abcdef"')),
    (413, "payload_too_large", lambda o, _: _bare(o, "POST", ORGANISATIONS, JSON, b" " * (MAX_BODY_BYTES + 1))),
    (
        415,
        "unsupported_media_type",
        lambda o, _: _bare(o, "POST", ORGANISATIONS, {**JSON, "Content-Type": CANARY}, b"x"),
    ),
    (422, "validation_failed", lambda o, _: o.post(ORGANISATIONS, {CANARY: CANARY, "name": 7, "kind": CANARY})),
    (422, "validation_failed", lambda o, _: _bare(o, "POST", ORGANISATIONS, JSON, CANARY.encode())),
    (428, "precondition_required", lambda o, path: o.patch(path, {CANARY: 1})),
    (431, "headers_too_large", lambda o, _: o.get("/v1/regions", headers={"X-Long": CANARY * 1000})),
]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_status_has_the_same_shape(world: World, language: str) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    office.client.headers["Accept-Language"] = language
    narrow = await world.token("person", office.id, "liangshan", frozenset({"plans:read"}))
    office.extra["narrow"] = f"Bearer {narrow}"
    made = await office.post(ORGANISATIONS, {**BODY, "credit_code": "93152525MA0ABCDE66"})
    assert made.status_code == 201, made.text
    for status, code, cause in CAUSES:
        answer = await cause(office, made.headers["location"])
        assert answer.status_code == status, (code, answer.text)
        _is_problem(answer, code, language)


def _is_problem(answer: Response, code: str, language: str) -> None:
    """The members, all of them known, and nothing of what was sent."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == language
    body = answer.json()
    kind = REGISTER[code]
    assert body["type"] == f"urn:liangshan:problem:{code}"
    assert (body["status"], body["code"]) == (answer.status_code, code) == (kind.status, code)
    assert body["title"] == (kind.title_en if language == "en" else kind.title_zh)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body.keys() <= {"type", "title", "status", "code", "request_id", "reason", "detail", "errors", "error"}
    for item in body.get("errors", []):
        assert item["detail"] == FIELD_CODES[item["code"]][language == "en"]
    told = [item for item in body.get("errors", []) if item["code"] != "unknown_field"]
    assert CANARY not in json.dumps([body | {"errors": told}], ensure_ascii=False)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"


async def test_an_unhandled_exception_tells_nothing(world: World, owner: asyncpg.Connection) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await _break_inserts(owner, "XX001", f"{CANARY} at /srv/app line 7")
    answer = await office.post(ORGANISATIONS, BODY)
    assert answer.status_code == 500
    _is_problem(answer, "internal_error", "zh-CN")
    assert await world.rows("SELECT 1 FROM organisations") == []


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03", "57014", "53300"])
async def test_what_may_be_tried_again_is_503_with_retry_after(
    world: World, owner: asyncpg.Connection, state: str
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await _break_inserts(owner, state, CANARY)
    answer = await office.post(ORGANISATIONS, BODY)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    _is_problem(answer, "busy", "zh-CN")


async def _break_inserts(owner: asyncpg.Connection, state: str, message: str) -> None:
    await owner.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{state}'; END $$"
    )
    await owner.execute("CREATE TRIGGER broken BEFORE INSERT ON organisations FOR EACH ROW EXECUTE FUNCTION broken()")


async def test_the_better_language_wins(http: AsyncClient) -> None:
    for stated, spoken in (
        ("", "zh-CN"),
        ("fr", "zh-CN"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh;q=0.2, en;q=0.7", "en"),
        ("en;q=0", "zh-CN"),
        ("en;q=nonsense", "zh-CN"),
        ("*" * 5000, "zh-CN"),
    ):
        answer = await http.get("/v1/regions", headers={"Accept-Language": stated})
        assert answer.headers["content-language"] == spoken, stated


async def test_a_good_request_id_is_kept_and_a_bad_one_replaced(http: AsyncClient) -> None:
    kept = await http.get("/v1/regions", headers={"X-Request-Id": "from-the-gateway-1"})
    assert kept.json()["request_id"] == kept.headers["x-request-id"] == "from-the-gateway-1"
    for bad in ("short", "x" * 65, "has space in it", "<script>alert(1)</script>"):
        replaced = await http.get("/v1/regions", headers={"X-Request-Id": bad})
        assert replaced.headers["x-request-id"] != bad
        assert len(replaced.headers["x-request-id"]) == 32


async def test_hidden_absent_and_impossible_are_one_answer(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    answers = []
    for path in (f"{ORGANISATIONS}/{uuid4()}", f"{ORGANISATIONS}/no-uuid", "/v1/nothing", "/v1/regions/999999"):
        answer = await office.get(path, headers={"X-Request-Id": "the-same-id"})
        answers.append((answer.status_code, answer.content, sorted(answer.headers.items())))
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 404


async def test_405_lists_every_method_of_the_path(http: AsyncClient) -> None:
    assert (await http.put(ORGANISATIONS)).headers["allow"] == "GET, HEAD, POST"
    assert (await http.post(f"{ORGANISATIONS}/{uuid4()}")).headers["allow"] == "GET, HEAD, PATCH"
    assert (await http.get("/v1/auth/token")).headers["allow"] == "POST"
    assert (await http.options("/healthz")).headers["allow"] == "GET, HEAD"


async def test_head_is_get_without_the_body(world: World, http: AsyncClient) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    for path in ("/v1/regions", "/v1/regions/152501", "/v1/me", "/healthz", "/openapi.json", "/docs", "/v1/nothing"):
        got = await office.get(path, headers={"X-Request-Id": "the-same-id"})
        head = await office.client.head(path, headers={"X-Request-Id": "the-same-id"})
        assert head.status_code == got.status_code, path
        assert head.headers == got.headers, path
        assert head.content == b""
    assert (await http.head("/v1/regions")).status_code == 401


async def test_401_names_the_scheme_and_403_the_scope(world: World, http: AsyncClient) -> None:
    for header in ({}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer"}, {"Authorization": "Bearer  "}):
        answer = await http.get("/v1/regions", headers=header)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    refused = await editor.post(ORGANISATIONS, BODY)
    assert 'scope="directory:write"' in refused.headers["www-authenticate"]
