"""Idempotency-Key: a key is used once. A repetition is re-authorised and shown what its caller may see now.

The record keeps key, principal, route, request hash, status and the place of the resource, never a body.
Only what succeeded is remembered, in the transaction of the act itself.
"""

import hashlib
import re
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Message, Receive, Scope, Send

from app.core import errors as e
from app.core.db import Entry, clock_of
from app.models.machinery import IdempotencyRecord

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_NOT_REPLAYED = frozenset(
    {b"idempotency-key", b"if-match", b"if-none-match", b"content-type", b"content-length", b"transfer-encoding"}
)
# Answered without content the first time, so without content again.
_BARE = frozenset({202, 204})
_OF_CONTENT = frozenset({b"content-type", b"content-length", b"etag"})


@dataclass(frozen=True, slots=True)
class Use:
    """A key in use: what the record will say once the act succeeds."""

    key: str
    route: str
    request_hash: str


class Replay(Exception):
    """The key's act was done before: show its resource again, as the caller may see it now."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(location)
        self.status = status
        self.location = location


async def begin(request: Request, session: AsyncSession, key: str) -> Use:
    """Claim the key for this transaction.

    Raises `IdempotencyInFlight` while another request holds it, `IdempotencyKeyReused` for another request,
    `Replay` where it succeeded before.
    """
    if not _KEY.fullmatch(key) or len(request.headers.getlist("idempotency-key")) > 1:
        raise e.Invalid(e.FieldError("header:idempotency-key", "invalid_format"))
    entry: Entry = session.info["entry"]
    use = Use(key, f"{request.method} {request.url.path}", await _request_hash(request))
    # Try-lock first: a plain unique row would make the second request wait for the first one's end.
    lock = hashlib.sha256(f"{entry.principal}\0{key}".encode()).digest()[:8]
    free = await session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": int.from_bytes(lock, "big", signed=True)}
    )
    if not free:
        raise e.IdempotencyInFlight
    record = await session.scalar(
        select(IdempotencyRecord).where(IdempotencyRecord.principal_id == entry.principal, IdempotencyRecord.key == key)
    )
    if record is None:
        return use
    if (record.route, record.request_hash) != (use.route, use.request_hash):
        raise e.IdempotencyKeyReused
    raise Replay(record.status, record.location)


async def remember(request: Request, session: AsyncSession, use: Use, status: int) -> None:
    """Write the record; the reply has left the resource's place in the request's state."""
    entry: Entry = session.info["entry"]
    await session.execute(
        insert(IdempotencyRecord).values(
            principal_id=entry.principal,
            key=use.key,
            route=use.route,
            request_hash=use.request_hash,
            status=status,
            location=request.state.location,
            created_at=clock_of(session).now(),
        )
    )


async def _request_hash(request: Request) -> str:
    """Of the query and the body; a dependency that reads the body by itself leaves the body's hash in the state."""
    received: str | None = getattr(request.state, "body_hash", None)
    if received is not None:
        return hashlib.sha256(f"{request.url.query}\0{received}".encode()).hexdigest()
    head = f"{request.url.query}\0".encode()
    return hashlib.sha256(head + await request.body()).hexdigest()


class ReplayedResponse:
    """Answers a repetition by asking the application itself for the resource, with the caller's own token."""

    def __init__(self, request: Request, replay: Replay) -> None:
        self._request = request
        self._replay = replay

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        inner = {
            "type": "http",
            "asgi": scope["asgi"],
            "http_version": scope["http_version"],
            "scheme": scope["scheme"],
            "server": scope.get("server"),
            "client": scope.get("client"),
            "root_path": scope.get("root_path", ""),
            "method": "GET",
            "path": self._replay.location,
            "raw_path": self._replay.location.encode(),
            "query_string": b"",
            "headers": [(n, v) for n, v in scope["headers"] if n.lower() not in _NOT_REPLAYED],
            # The repetition was counted when it came in.
            "state": {"request_id": self._request.state.request_id, "counted": True},
        }

        async def nothing() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        bare = False

        async def respond(message: Message) -> None:
            nonlocal bare
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"idempotent-replayed", b"true")]
                bare = message["status"] == 200 and self._replay.status in _BARE
                if bare:
                    headers = [(n, v) for n, v in headers if n.lower() not in _OF_CONTENT]
                    headers += [(b"content-length", b"0")] if self._replay.status != 204 else []
                if message["status"] == 200:
                    message = {**message, "status": self._replay.status}
                    headers += self._placed()
                message = {**message, "headers": headers}
            elif bare:
                message = {**message, "body": b""}
            await send(message)

        await self._request.app.state.inner(inner, nothing, respond)

    def _placed(self) -> list[tuple[bytes, bytes]]:
        """Where it is found, again where the first answer said it: of what was made, and of what a worker does."""
        location = (b"location", self._replay.location.encode())
        if self._replay.status == 201:
            return [location]
        # A 202 beside a 201 is a thing that is taken, and nothing more is said of it.
        awaited = self._replay.status == 202 and self._request.scope["route"].status_code != 201
        return [location, (b"retry-after", b"1")] if awaited else []
