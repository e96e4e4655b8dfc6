"""The document held against every answer: whatever an in-process API says in a test, it must have declared.

The check runs when the answer is complete, so that the test that met an undeclared status, code or header fails, and
says where.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx import ASGITransport
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.document import ANY_REQUEST
from app.core.errors import REASONS
from tests.ground import edge_of

# Of the headers, those that a program acts on.
HEADERS = frozenset(
    {
        "etag",
        "location",
        "link",
        "www-authenticate",
        "retry-after",
        "content-disposition",
        "idempotent-replayed",
        "accept",
        "ratelimit",
        "ratelimit-policy",
    }
)


def in_process(api: FastAPI) -> ASGITransport:
    """The API behind its edge, held to its document. Exceptions become answers, as they do for everybody."""
    return ASGITransport(Held(edge_of(api), api), raise_app_exceptions=False)


@lru_cache(maxsize=8)
def _operations(api: FastAPI) -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
    return list(_walk(api))


def _walk(api: FastAPI) -> Iterator[tuple[re.Pattern[str], str, dict[str, Any]]]:
    paths = api.openapi()["paths"]
    for context in iter_route_contexts(api.routes):
        for method in context.methods or ():
            spec = paths.get(context.path_format, {}).get(method.lower())
            if spec is not None and context.path_regex is not None:
                yield context.path_regex, method, spec


class Held:
    """The application, whose every answer is looked up in the document."""

    def __init__(self, app: ASGIApp, api: FastAPI) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, headers, body = 0, Headers(), b""

        async def listen(message: Message) -> None:
            nonlocal status, headers, body
            if message["type"] == "http.response.start":
                status, headers = message["status"], Headers(raw=message["headers"])
            elif headers.get("content-type") == "application/problem+json":
                body += message.get("body", b"")
            await send(message)

        await self._app(scope, receive, listen)
        faults = list(self._faults(scope, status, headers, body))
        if faults:
            # What pytest raises is no `Exception`, so no net between here and the test makes a 500 of it.
            pytest.fail(f"{scope['method']} {scope['path']}: " + "; ".join(faults))

    def _faults(self, scope: Scope, status: int, headers: Headers, body: bytes) -> Iterator[str]:
        head = scope["method"] == "HEAD"
        method = "GET" if head else scope["method"]
        spec = next((s for path, m, s in _operations(self._api) if m == method and path.match(scope["path"])), None)
        problem = json.loads(body) if body else None
        if problem is not None and "reason" in problem and problem["reason"] not in REASONS:
            yield f"the reason {problem['reason']} is not in the register"
        if spec is None or (problem is not None and problem["code"] in ANY_REQUEST):
            return
        answer = spec["responses"].get(str(status))
        if answer is None:
            yield f"{status} is not declared ({problem})"
            return
        kind = headers.get("content-type", "").split(";")[0]
        content = answer.get("content", {})
        if kind and content and not head and kind not in content:
            yield f"{status} is not declared as {kind}"
        if problem is not None and kind in content and problem["code"] not in content[kind]["examples"]:
            yield f"{status} {problem['code']} is not declared ({problem})"
        headers_of = self._api.openapi()["components"]["headers"]
        declared = {n.lower(): headers_of[s["$ref"].rsplit("/", 1)[1]] for n, s in answer["headers"].items()}
        given = {name for name in headers if name in HEADERS}
        if given - declared.keys():
            yield f"{status} declares no {sorted(given - declared.keys())}"
        missing = {name for name, header in declared.items() if header.get("required")} - set(headers)
        if missing:
            yield f"{status} declares {sorted(missing)}, which it does not give"
