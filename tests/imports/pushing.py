"""Pushing in tests: bodies from rows, and receipts read briefly."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from httpx import Response

from tests.world import Actor

PUSH = "/v1/imports/projects"
REGIONS = (
    *("152501", "152502", "152522", "152523", "152524", "152525", "152526"),
    *("152527", "152528", "152529", "152530", "152531", "152571"),
)
Row = dict[str, Any]


def rows_of(sample: bytes) -> list[Row]:
    return [json.loads(line) for line in sample.splitlines()]


def ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


async def push(
    machine: Actor,
    body: bytes | list[Row],
    query: str = "",
    *,
    media_type: str = "application/x-ndjson",
    key: str | None = None,
    **headers: str,
) -> Response:
    content = body if isinstance(body, bytes) else ndjson(body)
    sent = {"Idempotency-Key": key or uuid4().hex, "Content-Type": media_type, **headers}
    return await machine.client.post(PUSH + query, content=content, headers=sent)


async def receipt(machine: Actor, body: bytes | list[Row], query: str = "", **options: Any) -> dict[str, Any]:
    answer = await push(machine, body, query, **options)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    counters = ("created", "updated", "proposed", "unchanged", "rejected", "not_applied")
    assert sum(told[name] for name in counters) == told["total"] == len(told["rows"])
    assert [row["index"] for row in told["rows"]] == list(range(told["total"]))
    for name in counters:
        assert told[name] == sum(row["action"] == name for row in told["rows"])
    return told


def counts(told: Mapping[str, Any]) -> dict[str, int]:
    names = ("created", "updated", "proposed", "unchanged", "rejected", "not_applied")
    return {name: told[name] for name in names if told[name]}


def faults(row: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(error["pointer"], error["code"]) for error in row["errors"]}


def timeless(told: Mapping[str, Any]) -> dict[str, Any]:
    """A receipt without what differs between a dry run and the real one: ids of what was made, times, the flag."""
    kept = {name: value for name, value in told.items() if name not in {"id", "dry_run", "started_at", "finished_at"}}
    rows = [{**row, "id": None if row["action"] == "created" else row["id"]} for row in told["rows"]]
    return {**kept, "rows": rows}
