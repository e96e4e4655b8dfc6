"""The outermost layer by itself: the last net, counted bodies, nothing carried from one request to the next."""

import json
from typing import Any

import pytest
import structlog
from httpx import ASGITransport, AsyncClient
from starlette.types import Message, Receive, Scope, Send

from app.core.edge import Edge

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
BODY: Message = {"type": "http.response.body", "body": b"whole", "more_body": False}
PART: Message = {"type": "http.response.body", "body": b"part", "more_body": True}


class Scripted:
    """An application that sends these messages and then, where it is told to, fails."""

    def __init__(self, *messages: Message, fails: bool = False) -> None:
        self.messages, self.fails = messages, fails

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        for message in self.messages:
            await send(message)
        if self.fails:
            raise RuntimeError("canary of the exception")


def _client(app: Any, *, limit: int = 1000) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(Edge(app, max_body_bytes=limit)), base_url="http://edge.test")


async def test_whatever_fails_before_an_answer_is_a_problem() -> None:
    async with _client(Scripted(fails=True)) as client:
        answer = await client.get("/", headers={"Accept-Language": "en"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Internal server error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "canary" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_failure_after_the_answer_changes_nothing() -> None:
    async with _client(Scripted(START, BODY, fails=True)) as client:
        assert (await client.get("/")).text == "whole"


async def test_a_failure_in_the_middle_is_told_to_the_server() -> None:
    """So that it cuts the connection: half an answer must not look like a whole one."""
    async with _client(Scripted(START, PART, fails=True)) as client:
        with pytest.raises(RuntimeError):
            await client.get("/")


async def test_head_drops_every_part() -> None:
    async with _client(Scripted(START, PART, BODY)) as client:
        answer = await client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_body_is_counted_wherever_it_is_read() -> None:
    async def reads(_scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        await send(START)
        await send(BODY)

    async def parts(count: int) -> Any:
        for _ in range(count):
            yield b"x" * 100

    async with _client(reads) as client:
        assert (await client.post("/", content=parts(10))).status_code == 200
        # Nothing above it renders errors here, so the net below does.
        assert (await client.post("/", content=parts(11))).status_code in {413, 500}
        assert (await client.post("/", content=b"x" * 1001)).status_code == 413


async def test_other_protocols_pass() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        return None

    await Edge(app, max_body_bytes=1)({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]


async def test_nothing_of_a_request_is_left_in_the_next_ones_log() -> None:
    bound: list[dict[str, Any]] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        bound.append(structlog.contextvars.get_contextvars())
        structlog.contextvars.bind_contextvars(person="of this request")
        await send(START)
        await send(BODY)

    async with _client(app) as client:
        answers = [await client.get("/") for _ in range(2)]
    assert bound == [{"request_id": answer.headers["x-request-id"]} for answer in answers]


async def test_its_refusals_speak_both_languages() -> None:
    async with _client(Scripted(START, BODY)) as client:
        titles = {
            language: (await client.get("/", headers={"X": "x" * 20_000, "Accept-Language": language})).json()["title"]
            for language in ("zh", "en")
        }
    assert titles == {"zh": "请求头过大", "en": "The request headers are too large"}
    assert json.dumps(titles)
