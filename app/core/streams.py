"""Answers that go on: server-sent events about one thing, until it has ended.

A stream holds nothing while it waits: it looks again and again, each time in a transaction of its own, in which the
caller is asked for everything anew. So what ends a caller's rights ends the stream.
"""

import asyncio
import hashlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.core.errors import Busy, DomainError, TooManyRequests
from app.core.problems import render

MEDIA_TYPE = "text/event-stream"
# Set where the process is told to end: a server waits for its answers, and a stream would keep it waiting.
ENDING = threading.Event()
# At a time, in one process: what a caller of ours needs, and looks that a small pool of connections bears.
EACH, ALL = 4, 100
LOOK_SECONDS, HEARTBEAT_SECONDS = 1.0, 15.0
_BACK_IN_MILLISECONDS = 2_000


@dataclass(frozen=True, slots=True)
class Seen:
    """How a thing stands: `event` names it for readers, `data` is JSON, and nothing follows on the `last`."""

    event: str
    data: str
    last: bool

    @property
    def id(self) -> str:
        """What a reader sends back as `Last-Event-ID`: it has had exactly this."""
        return hashlib.sha256(f"{self.event}:{self.data}".encode()).hexdigest()[:16]


Look = Callable[[], Awaitable[Seen]]


class Streams:
    """How long a stream may be, and the places that streams take in this process."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.open: Counter[UUID] = Counter()

    @contextmanager
    def place(self, holder: UUID) -> Iterator[None]:
        """Raises `TooManyRequests` where the holder watches enough already, `Busy` where all places are taken."""
        if self.open[holder] >= EACH:
            raise TooManyRequests(5)
        if self.open.total() >= ALL:
            raise Busy
        self.open[holder] += 1
        try:
            yield
        finally:
            self.open[holder] -= 1
            if not self.open[holder]:
                del self.open[holder]


class EventStream(StreamingResponse):
    """What `look` sees, whenever it is not what was said last. Of a thing that has ended, and that the reader knows to
    have ended (`known`), it says so: 204, upon which a browser asks no more."""

    media_type = MEDIA_TYPE

    def __init__(self, request: Request, first: Seen, look: Look, known: str | None) -> None:
        self._request = request
        self._first = first
        self._look = look
        self._known = known
        self._streams: Streams = request.app.state.streams
        # For proxies that gather what they pass on.
        super().__init__(self._events(), headers={"X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._first.last and self._first.id == self._known:
            await Response(status_code=204)(scope, receive, send)
        elif scope["state"].get("head"):
            await Response(headers=dict(self.headers))(scope, receive, send)
        else:
            # The place is taken and given back here: a stream that nobody ever reads has no other end.
            with self._streams.place(self._request.state.principal_id):
                await super().__call__(scope, receive, send)

    async def _events(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        until, spoken, known = clock() + self._streams.seconds, clock(), self._known
        yield format_sse_event(retry=_BACK_IN_MILLISECONDS)
        seen: Seen | None = self._first
        while True:
            if seen is not None and seen.id != known:
                yield format_sse_event(event=seen.event, data_str=seen.data, id=seen.id)
                known, spoken = seen.id, clock()
            elif clock() - spoken >= HEARTBEAT_SECONDS:
                yield KEEPALIVE_COMMENT
                spoken = clock()
            if (seen is not None and seen.last) or ENDING.is_set() or clock() >= until:
                return
            await asyncio.sleep(LOOK_SECONDS)
            try:
                seen = await self._look()
            except Busy:
                # The database may be away for a moment; how long a stream may be is bounded anyway.
                seen = None
            except DomainError as refused:
                told = bytes(render(self._request, refused).body).decode()
                yield format_sse_event(event="refused", data_str=told)
                return


def of_events(description: str, *examples: bytes) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of such an answer."""
    schema = {"type": "string", "maxLength": 1_000_000}
    content = {MEDIA_TYPE: {"schema": schema, "example": b"".join(examples).decode()}}
    return {
        200: {"description": description, "content": content},
        204: {"description": "It has ended, and `Last-Event-ID` says that you know: nothing is to come."},
    }
