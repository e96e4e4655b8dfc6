"""The integration guide says what the code does: its codes, its signature, and the same in both languages."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from standardwebhooks import Webhook

from app.core.document import ANY_REQUEST
from app.core.errors import REGISTER
from app.events.webhooks.rules import shown_secret, signed
from app.models.imports import ACTIONS

FOLDER = Path(__file__).resolve().parents[1] / "openapi" / "guide"
GUIDES = {name: (FOLDER / name).read_text(encoding="utf-8") for name in ("integration.md", "integration.zh.md")}
# What a system that pushes has to do with.
OPERATIONS = (
    ("post", "/v1/auth/token"),
    ("get", "/v1/imports/projects/template.xlsx"),
    ("post", "/v1/imports/projects"),
    ("get", "/v1/imports"),
    ("get", "/v1/imports/{run_id}"),
    ("get", "/v1/imports/{run_id}/events"),
    ("get", "/v1/imports/{run_id}/rows"),
    ("get", "/v1/imports/{run_id}/receipt.csv"),
    ("get", "/v1/imports/{run_id}/receipt.xlsx"),
    ("post", "/v1/imports/{run_id}/retry"),
    ("post", "/v1/imports/{run_id}/cancel"),
    ("get", "/v1/events"),
)
by_language = pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)


@by_language
def test_every_code_that_an_integrator_meets_is_explained(guide: str, shared_api: FastAPI) -> None:
    told = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", guide, re.MULTILINE)
    paths = shared_api.openapi()["paths"]
    met = set(ANY_REQUEST)
    for method, path in OPERATIONS:
        for answer in paths[path][method]["responses"].values():
            met |= set(answer.get("content", {}).get("application/problem+json", {}).get("examples", ()))
    assert sorted(told) == sorted((code, str(REGISTER[code].status)) for code in met)


@by_language
def test_every_action_of_a_receipt_is_explained(guide: str) -> None:
    assert re.findall(r"^\| `([a-z_]+)` \| (?!\d{3} )", guide, re.MULTILINE) == list(ACTIONS)


def test_both_say_the_same_commands() -> None:
    blocks = [re.findall(r"^```.*?^```", guide, re.MULTILINE | re.DOTALL) for guide in GUIDES.values()]
    assert blocks[0] == blocks[1]
    assert len(blocks[0]) >= 10
    sections = [re.findall(r"^## (\d+)\.", guide, re.MULTILINE) for guide in GUIDES.values()]
    assert sections[0] == sections[1]


def test_its_check_of_a_signature_takes_ours_and_nothing_else() -> None:
    [source] = re.findall(r"^```python\n(.*?)^```", GUIDES["integration.md"], re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - the guide's own code
    verified = names["verified"]
    old, new = b"o" * 32, b"n" * 32
    body = json.dumps({"type": "imports.push"}).encode()
    now = datetime.fromtimestamp(int(time.time()), UTC)
    headers = signed([new, old], message_id="示例-1", at=now, body=body)
    assert verified(shown_secret(old), headers, body)
    assert verified(shown_secret(new), headers, body)
    assert not verified(shown_secret(b"x" * 32), headers, body)
    assert not verified(shown_secret(old), headers, body + b" ")
    assert not verified(shown_secret(old), {**headers, "webhook-id": "2"}, body)
    assert not verified(shown_secret(old), {**headers, "webhook-signature": "v1, v2,é"}, body)
    for late in (timedelta(minutes=6), timedelta(minutes=-6)):
        assert not verified(shown_secret(old), signed([old], message_id="1", at=now - late, body=body), body)
    # And what another implementation of the standard signs.
    theirs = Webhook(shown_secret(old)).sign("1", now, body.decode())
    stamp = str(int(now.timestamp()))
    told = {"webhook-id": "1", "webhook-timestamp": stamp, "webhook-signature": theirs}
    assert verified(shown_secret(old), told, body)


async def test_it_is_served_with_the_docs(http: AsyncClient, shared_api: FastAPI) -> None:
    description = shared_api.openapi()["info"]["description"]
    for name in (*GUIDES, "push.py"):
        answer = await http.get(f"/docs/{name}")
        assert (answer.status_code, answer.content) == (200, (FOLDER / name).read_bytes())
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert f"/docs/{name}" in description
