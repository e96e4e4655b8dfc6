"""The outermost layer, pure ASGI: request id, caps, security headers on every answer, and the last net (500)."""

import re
import time
from collections.abc import Mapping
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import errors as e
from app.core.language import negotiate
from app.core.problems import render

MAX_HEADER_BYTES = 16 * 1024
MAX_HEADERS = 100
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    # Private answers never rest in a cache: a recusal must not be outlived by a copy.
    "Cache-Control": "private, no-store",
    "Vary": "Authorization, Accept-Language",
}


class Edge:
    """Wraps the whole application. `max_body_bytes` bounds every body, counted as it streams; `larger` names the
    (method, path) that may take more.
    """

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int, larger: Mapping[tuple[str, str], int] | None = None
    ) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        negotiate(headers.get("accept-language", ""))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        await self._answer(scope, receive, send, headers, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: Headers, request_id: str) -> None:
        started = time.perf_counter()
        method, path = scope["method"], scope["path"]
        head = method == "HEAD"
        scope["state"]["head"] = head
        limit = max(self.larger.get((method, path), 0), self.max_body_bytes)
        status, complete = 0, False

        async def respond(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-Id"] = request_id
                answer.update(scope["state"].get("rate_headers", {}))
                for name, value in _SECURITY_HEADERS.items():
                    answer.setdefault(name, value)
            else:
                complete = not message.get("more_body", False)
                if head:
                    message = {**message, "body": b""}
            await send(message)

        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # The framework turns what is raised while it reads a body into a 400; the mark keeps it a 413.
                scope["state"]["too_large"] = True
                raise e.PayloadTooLarge
            return message

        try:
            refusal = self._refusal(scope, headers, limit)
            if refusal is not None:
                await _close_with(refusal, scope, receive, respond)
            else:
                # HEAD is GET without the body, for every route.
                await self.app({**scope, "method": "GET"} if head else scope, bounded, respond)
        except Exception:
            structlog.get_logger().exception("unhandled")
            if not status:
                await _close_with(e.InternalError(), scope, receive, respond)
            elif not complete:
                raise
        finally:
            structlog.get_logger().info(
                "request",
                method=method,
                path=path,
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
            )

    def _refusal(self, scope: Scope, headers: Headers, limit: int) -> e.DomainError | None:
        raw = scope["headers"]
        if len(raw) > MAX_HEADERS or sum(len(name) + len(value) for name, value in raw) > MAX_HEADER_BYTES:
            return e.HeadersTooLarge()
        if len(scope.get("query_string", b"")) > MAX_HEADER_BYTES:
            return e.HeadersTooLarge()
        length = headers.get("content-length")
        if length is not None:
            if not length.isascii() or not length.isdigit():
                return e.BadRequest()
            if len(length) > 18 or int(length) > limit:
                return e.PayloadTooLarge()
        return None


async def _close_with(error: e.DomainError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without asking the application, and end the connection: what is left of the request stays unread."""
    response = render(Request(scope), error)
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
