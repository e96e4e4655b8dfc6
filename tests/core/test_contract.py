"""The check that holds every answer to the document fails where it should."""

import json

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.responses import Response
from starlette.types import ASGIApp

from app.core.edge import Edge
from tests.contract import Held


def _problem(status: int, code: str, reason: str | None = None) -> Response:
    body = {"status": status, "code": code, **({"reason": reason} if reason else {})}
    return Response(json.dumps(body), status, media_type="application/problem+json")


async def _answered(api: FastAPI, method: str, path: str, answer: ASGIApp) -> None:
    transport = ASGITransport(Held(Edge(answer, max_body_bytes=1024), api), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://liangshan.test") as client:
        await client.request(method, path)


@pytest.mark.parametrize(
    ("method", "path", "answer", "fault"),
    [
        ("POST", "/v1/plans", Response(status_code=418), "418 is not declared"),
        ("POST", "/v1/plans", _problem(409, "four_eyes"), "409 four_eyes is not declared"),
        ("POST", "/v1/plans", _problem(409, "conflict", "no_reason"), "no_reason is not in the register"),
        ("GET", "/v1/plans", Response(b"x", 200, media_type="text/plain"), "200 is not declared as text/plain"),
        ("GET", "/v1/plans", Response(b"{}", 200, {"Retry-After": "1"}, "application/json"), "declares no"),
        ("POST", "/v1/plans", Response(b"{}", 201, {"ETag": '"1.x"'}, "application/json"), "does not give"),
    ],
)
async def test_what_is_not_declared_fails_the_test(
    shared_api: FastAPI, method: str, path: str, answer: Response, fault: str
) -> None:
    with pytest.raises(pytest.fail.Exception, match=fault):
        await _answered(shared_api, method, path, answer)


async def test_what_is_declared_passes(shared_api: FastAPI) -> None:
    await _answered(shared_api, "POST", "/v1/plans", _problem(409, "conflict", "plan_exists"))
    await _answered(shared_api, "GET", "/v1/plans", Response(b"{}", 200, media_type="application/json"))
    await _answered(shared_api, "PATCH", "/nowhere", _problem(404, "not_found"))
