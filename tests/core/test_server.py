"""A real process on a real socket: what no client library would send."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from httpx import AsyncClient

from app.auth import passwords, registry
from app.core.config import Settings
from app.core.db import Database
from app.models.identity import Role
from tests.ground import Ground
from tests.world import PASSWORD

ROOT = Path(__file__).parents[2]
MAX_BODY = 65_536


@dataclass(frozen=True, slots=True)
class Server:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def send(self, *parts: bytes, pause: float = 0.0) -> "Answer":
        """Send the bytes as they are, and read what comes until the server closes or stops talking."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        raw = b""
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(5):
                while not _is_whole(raw):
                    chunk = await reader.read(65_536)
                    if not chunk:
                        break
                    raw += chunk
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return Answer(raw)


@dataclass(frozen=True, slots=True)
class Answer:
    raw: bytes

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    def header(self, name: str) -> str | None:
        for line in self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
            known, _, value = line.partition(": ")
            if known.lower() == name:
                return value
        return None


def _is_whole(raw: bytes) -> bool:
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False


async def _prepare(settings: Settings) -> None:
    database = Database(settings.worker_url, pool_size=1)
    hashed = await passwords.hash_password(PASSWORD)
    async with database.administration() as session:
        person = await registry.add_person(session, "示例人员")
        await registry.add_grant(session, person.id, Role.LEAGUE_OFFICE)
        await registry.add_account(session, person.id, "office-of-the-socket", hashed)
    await database.dispose()


@pytest.fixture(scope="module")
def server(ground: Ground) -> Iterator[Server]:
    name = asyncio.run(ground.clone())
    settings = ground.settings(name)
    asyncio.run(_prepare(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": settings.app_url.replace("+asyncpg", ""),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "MAX_BODY_BYTES": str(MAX_BODY),
        "LOG_LEVEL": "CRITICAL",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        asyncio.run(_wait(port, process))
        yield Server(port)
    finally:
        process.terminate()
        assert process.wait(timeout=20) is not None
        asyncio.run(ground.drop(name))


async def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(300):
            assert process.poll() is None, "the server ended"
            with suppress(OSError, Exception):
                if (await client.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise AssertionError("the server did not get ready")


def _request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: liangshan.test", *headers, "", ""]).encode("latin-1") + body


def _is_problem(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer.raw[:300]
    assert answer.header("content-type") == "application/problem+json"
    body = json.loads(answer.body)
    assert body["code"] == code
    assert body["request_id"] == answer.header("x-request-id")


async def test_headers_have_a_limit(server: Server) -> None:
    huge = await server.send(_request("GET /healthz", "X-Huge: " + "x" * 1_200_000))
    _is_problem(huge, 431, "headers_too_large")
    assert huge.header("connection") == "close"
    _is_problem(
        await server.send(_request("GET /healthz", *(f"X-Many-{n}: 1" for n in range(200)))), 431, "headers_too_large"
    )
    _is_problem(await server.send(_request("GET /healthz?" + "q" * 20_000)), 431, "headers_too_large")
    _is_problem(
        await server.send(_request("GET /v1/regions", "Authorization: Bearer " + "a" * 9000)), 401, "invalid_token"
    )


FORM = "Content-Type: application/x-www-form-urlencoded"


async def test_a_stated_length_beyond_the_limit_is_refused_unread(server: Server) -> None:
    for length in (str(MAX_BODY + 1), "9" * 18):
        answer = await server.send(_request("POST /v1/auth/token", FORM, f"Content-Length: {length}"))
        _is_problem(answer, 413, "payload_too_large")


async def test_a_chunked_body_is_counted_as_it_streams(server: Server) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    head = _request("POST /v1/auth/token", FORM, "Transfer-Encoding: chunked")
    _is_problem(await server.send(head, *[chunk] * 8, b"0\r\n\r\n", pause=0.01), 413, "payload_too_large")
    below = await server.send(head, b"5\r\ngrant\r\n", b"0\r\n\r\n")
    _is_problem(below, 422, "validation_failed")


async def test_chunks_without_a_media_type_are_refused(server: Server) -> None:
    answer = await server.send(_request("POST /v1/auth/token", "Transfer-Encoding: chunked"), b"1\r\nx\r\n0\r\n\r\n")
    _is_problem(answer, 415, "unsupported_media_type")


async def test_lengths_that_lie(server: Server) -> None:
    """Too few bytes: the connection ends and nothing was done. Too many: they are not this request's."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(_request("POST /v1/auth/token", FORM, "Content-Length: 100", body=b"grant_type=password"))
    await writer.drain()
    writer.write_eof()
    raw = await asyncio.wait_for(reader.read(), 10)
    assert raw == b"" or Answer(raw).status >= 400
    writer.close()
    more = await server.send(_request("POST /v1/auth/token", FORM, "Content-Length: 5", body=b"grant_type=password"))
    assert more.status in {400, 422}
    for length in ("-1", "1.5", "0x10", "", "1, 2", "9" * 5000):
        answer = await server.send(_request("POST /v1/auth/token", FORM, f"Content-Length: {length}"))
        assert 400 <= answer.status < 500, (length, answer.raw[:200])


async def test_two_lengths_are_one_too_many(server: Server) -> None:
    """The ways of smuggling one request inside another."""
    for headers in (
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Transfer-Encoding: chunked, identity",),
    ):
        answer = await server.send(_request("POST /v1/auth/token", FORM, *headers, body=b"0\r\n\r\n"))
        assert 400 <= answer.status < 500, headers


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 100,
    ],
)
async def test_what_is_no_http_is_refused(server: Server, raw: bytes) -> None:
    answer = await server.send(raw)
    assert answer.status in {0, 400, 505}


async def test_head_sends_no_body(server: Server) -> None:
    answer = await server.send(_request("HEAD /healthz", "Connection: close"))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-length") == "15"


async def test_hostile_json_with_a_good_token(server: Server) -> None:
    async with AsyncClient(base_url=server.url) as client:
        form = {"grant_type": "password", "username": "office-of-the-socket", "password": PASSWORD}
        token = (await client.post("/v1/auth/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        for body in (
            b"[" * 60_000,
            b'{"a":' * 10_000,
            b"9" * 60_000,
            b'{"name": NaN}',
            b'{"name": "\\ud800"}',
            b"\0" * 99,
        ):
            headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
            answer = await client.post("/v1/organisations", content=body, headers=headers)
            assert answer.status_code == 422, body[:20]
            assert answer.json()["errors"][0]["code"] == "malformed_json"
        refused = await client.post("/v1/organisations", content=b" " * (MAX_BODY + 1), headers=headers)
        assert refused.status_code == 413
        assert (await client.get("/v1/regions")).status_code == 200


async def test_it_still_serves(server: Server) -> None:
    async with AsyncClient(base_url=server.url) as client:
        answer = await client.get("/healthz")
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
