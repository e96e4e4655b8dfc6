"""Logs: a JSON line each, with the request's id, and never a token, a password, a query or a body."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient

from app.core.logging import configure
from app.models.identity import Role
from tests.world import PASSWORD, World

CANARY = "canary-that-must-not-be-logged"
ORGANISATIONS = "/v1/organisations"


@pytest.fixture
def logged() -> Iterator[None]:
    """The logs of production, for one test."""
    configure("DEBUG")
    yield
    configure("CRITICAL")


def _lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines() if line]


async def test_each_request_is_a_line_with_its_id(
    world: World, logged: None, capsys: pytest.CaptureFixture[str]
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    capsys.readouterr()
    await office.get("/v1/regions?limit=1", headers={"X-Request-Id": "request-to-find"})
    [line] = [x for x in _lines(capsys.readouterr().out) if x["event"] == "request"]
    assert (line["request_id"], line["method"], line["path"], line["status"]) == (
        "request-to-find",
        "GET",
        "/v1/regions",
        200,
    )
    assert line["milliseconds"] >= 0
    refused = await office.get("/v1/nothing")
    lines = _lines(capsys.readouterr().out)
    assert {x["request_id"] for x in lines} == {refused.headers["x-request-id"]}
    assert [x["status"] for x in lines if x["event"] == "request"] == [404]


async def test_why_a_token_was_refused_is_logged_and_not_answered(
    http: AsyncClient, logged: None, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    answer = await http.get("/v1/me", headers={"Authorization": f"Bearer {CANARY}"})
    captured = capsys.readouterr().out
    [line] = [x for x in _lines(captured) if x["event"] == "token_refused"]
    assert line["reason"] == "shape"
    assert (answer.status_code, "shape" in answer.text, CANARY in captured) == (401, False, False)


async def test_nothing_secret_is_logged(
    world: World, http: AsyncClient, logged: None, owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE, username="office-of-the-log")
    await owner.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'internal' USING ERRCODE = 'XX000'; END $$"
    )
    await owner.execute("CREATE TRIGGER broken BEFORE INSERT ON organisations FOR EACH ROW EXECUTE FUNCTION broken()")
    capsys.readouterr()
    form = {"grant_type": "password", "username": "office-of-the-log"}
    answers = [
        await http.post("/v1/auth/token", data={**form, "password": PASSWORD}),
        await http.post("/v1/auth/token", data={**form, "password": CANARY}),
        await http.post("/v1/auth/token", data={"grant_type": "client_credentials", "client_secret": CANARY}),
        await http.post("/v1/auth/revoke", data={"token": CANARY}),
        await http.get(f"/v1/regions?cursor={CANARY}", headers={"Authorization": f"Bearer {CANARY}"}),
        await office.get(f"/v1/regions?cursor={CANARY}"),
        await office.post(ORGANISATIONS, {"name": CANARY}),
        # A 500: the exception and its SQL are logged, their values are not.
        await office.post(
            ORGANISATIONS,
            {"name": CANARY, "kind": "enterprise", "no_code_reason": CANARY, "region_code": "152501"},
        ),
    ]
    assert [a.status_code for a in answers] == [200, 400, 401, 200, 401, 422, 422, 500]
    captured = capsys.readouterr()
    text = captured.out + captured.err
    for secret in (
        CANARY,
        PASSWORD,
        office.token,
        answers[0].json()["access_token"],
        answers[0].json()["refresh_token"],
    ):
        assert secret not in text
    lines = _lines(captured.out)
    assert all(line["request_id"] for line in lines)
    [unhandled] = [line for line in lines if line["event"] == "unhandled"]
    assert unhandled["level"] == "error"
    assert "internal" in json.dumps(unhandled["exception"])
    assert unhandled["request_id"] == answers[-1].headers["x-request-id"]
