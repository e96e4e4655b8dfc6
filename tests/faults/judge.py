"""Whether a push stands whole, once, and nothing beside it: what the database holds, against the judge's own book.

Each check gives what is wrong in words; nothing found is an empty list.
"""

import hashlib
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from tests.faults.library import BENEFITS, Kept, Library, Receipt
from tests.faults.pushes import Push
from tests.faults.stage import SOURCE, Stage
from tests.imports.pushing import PUSH

COUNTERS = ("created", "updated", "proposed", "unchanged", "rejected", "not_applied")


@dataclass
class Book:
    """What must stand in all: one run for each key."""

    library: Library
    large: int = 0
    runs: int = 0

    def push(self, push: Push) -> Receipt:
        self.runs += 1
        self.large += push.size == "large"
        return self.library.push(push.sent, push.options)


async def receipt_faults(link: asyncpg.Connection, key: str, push: Push, owed: Receipt) -> list[str]:
    """The run of this key and its receipt, as they stand."""
    records = await link.fetch("SELECT location, status FROM idempotency_records WHERE key = $1", key)
    if len(records) != 1:
        return [f"{len(records)} records of the key"]
    run_id = UUID(records[0]["location"].rsplit("/", 1)[-1])
    run = await link.fetchrow("SELECT * FROM import_runs WHERE id = $1", run_id)
    if run is None:
        return ["the key's run is not there"]
    found = []
    stands = (run["state"], run["outcome"], run["total"], run["left_library"])
    if stands != ("finished", owed.outcome, len(owed.rows), owed.left):
        found.append(f"the run is {stands}, owed {owed.outcome} of {len(owed.rows)}, {owed.left} left")
    if {name: run[name] for name in COUNTERS} != {name: owed.counters[name] for name in COUNTERS}:
        found.append(f"counters { {name: run[name] for name in COUNTERS} }, owed {dict(owed.counters)}")
    if records[0]["status"] != (202 if push.size == "large" else 200):
        found.append(f"the key remembers {records[0]['status']}")
    rows = await link.fetch("SELECT * FROM import_rows WHERE run_id = $1 ORDER BY index", run_id)
    if [row["index"] for row in rows] != list(range(len(owed.rows))):
        found.append(f"the receipt has {len(rows)} rows, the input {len(owed.rows)}")
    ids = await _ids(link)
    found += [fault for row in rows for fault in _row_faults(row, push, owed, ids)][:5]
    return found + await _body_faults(link, run, push)


def _row_faults(row: asyncpg.Record, push: Push, owed: Receipt, ids: dict[str, UUID]) -> Iterator[str]:
    if row["index"] >= len(owed.rows):
        return
    told = owed.rows[row["index"]]
    errors = tuple((one["pointer"], one["code"]) for one in json.loads(row["errors"]))
    stands = (row["external_id"], row["action"], tuple(row["changes"]), errors, row["source_index"])
    if stands != (told.external_id, told.action, told.changes, told.errors, row["index"]):
        yield f"row {row['index']} says {stands}, owed {told}"
    applied = told.action in {"updated", "proposed", "unchanged"} or (
        told.action == "created" and not push.options.dry_run
    )
    if applied and row["project_id"] != ids.get(told.external_id or ""):
        yield f"row {row['index']} names another project"


async def _body_faults(link: asyncpg.Connection, run: asyncpg.Record, push: Push) -> list[str]:
    """A run's body is kept, as it was sent: receipts as files and retries are made of it."""
    pieces = await link.fetch("SELECT content FROM import_bodies WHERE run_id = $1 ORDER BY number", run["id"])
    body = b"".join(zlib.decompress(piece["content"]) for piece in pieces)
    digest = hashlib.sha256(push.body).hexdigest()
    return [] if (body, run["content_hash"]) == (push.body, digest) else ["the kept body is not what was sent"]


async def _ids(link: asyncpg.Connection) -> dict[str, UUID]:
    rows = await link.fetch("SELECT external_id, project_id FROM project_external_ids WHERE source_system = $1", SOURCE)
    return {row["external_id"]: row["project_id"] for row in rows}


_PROJECTS = """SELECT p.*, e.external_id, o.name AS entity,
    (SELECT json_agg(json_build_object('source', f.source, 'year', f.year, 'planned', f.planned::text,
        'done', f.done::text)) FROM project_funding AS f WHERE f.project_id = p.id) AS funding,
    (SELECT json_agg(q.after || CASE WHEN q.after ? 'investment_entity' THEN jsonb_build_object('investment_entity',
        (SELECT name FROM organisations WHERE id::text = q.after ->> 'investment_entity')) ELSE '{}' END)
     FROM project_proposals AS q WHERE q.project_id = p.id AND q.state = 'pending') AS pending
    FROM projects AS p LEFT JOIN project_external_ids AS e ON e.project_id = p.id
    LEFT JOIN organisations AS o ON o.id = p.organisation_id"""
_HISTORY = "SELECT project_id, version, action FROM project_changes"
_ACTS = """SELECT resource_id AS project_id, {name} AS act, count(*) FROM {table}
    WHERE resource_kind = 'project' AND {done} GROUP BY 1, 2"""


async def library_faults(link: asyncpg.Connection, book: Book) -> list[str]:
    """The library as a whole: every project, what it says, its history, its audit entries and its events."""
    owed = book.library.projects
    rows = await link.fetch(_PROJECTS)
    found = [f"{count} projects are called {key}" for key, count in _twice(row["external_id"] for row in rows)]
    if strangers := {row["external_id"] for row in rows} ^ owed.keys():
        found.append(f"projects that should not be, or are not: {sorted(map(str, strangers))[:5]}")
    history, acts, events = await _told(link)
    for row in rows:
        if (kept := owed.get(row["external_id"])) is None:
            continue
        found += (f"{row['external_id']}: {fault}" for fault in _project_faults(row, kept))
        if sorted(history[row["id"]]) != sorted(kept.history):
            found.append(f"{row['external_id']}: history {sorted(history[row['id']])}, owed {sorted(kept.history)}")
        for name, stands in (("audit", acts[row["id"]]), ("events", events[row["id"]])):
            if stands != kept.acts:
                found.append(f"{row['external_id']}: {name} {dict(stands)}, owed {dict(kept.acts)}")
    return [*found[:10], *await _entity_faults(link, book.library)]


def _twice(names: Any) -> list[tuple[Any, int]]:
    return [(name, count) for name, count in Counter(names).items() if count > 1]


def _project_faults(row: asyncpg.Record, kept: Kept) -> Iterator[str]:
    pending = json.loads(row["pending"] or "[]")
    stands = {
        "region": row["region_code"],
        "membership": row["membership"],
        "version": row["version"],
        "pending": [_sorted(one) for one in pending],
        **content_of(row),
    }
    owed = {
        "region": kept.region,
        "membership": kept.membership,
        "version": kept.version,
        "pending": [] if kept.pending is None else [kept.pending],
        **kept.content,
    }
    for name in stands.keys() | owed.keys():
        if stands.get(name) != owed.get(name):
            yield f"{name} is {stands.get(name)}, owed {owed.get(name)}"


def content_of(row: asyncpg.Record) -> dict[str, Any]:
    place = None
    if row["longitude"] is not None:
        place = {"type": "Point", "coordinates": [float(row["longitude"]), float(row["latitude"])]}
    benefits = {name: row[f"expected_{name}"] for name in BENEFITS}
    return _sorted(
        {
            **{name: row[name] for name in ("name", "construction_content", "primary_mode", "building_stage")},
            "secondary_modes": row["secondary_modes"],
            "starts_on": row["starts_on"].isoformat(),
            "ends_on": row["ends_on"].isoformat(),
            "location": place,
            "investment_entity": row["entity"],
            "expected_benefits": {
                name: value if value is None or isinstance(value, int) else str(value)
                for name, value in benefits.items()
            },
            "funding": json.loads(row["funding"] or "[]"),
        }
    )


def _sorted(content: dict[str, Any]) -> dict[str, Any]:
    if "secondary_modes" in content:
        content["secondary_modes"] = sorted(content["secondary_modes"])
    if "funding" in content:
        content["funding"] = sorted(content["funding"], key=lambda line: (line["source"], line["year"] or 0))
    return content


async def _told(
    link: asyncpg.Connection,
) -> tuple[dict[UUID, list[tuple[int, str]]], dict[UUID, Counter[str]], dict[UUID, Counter[str]]]:
    history: dict[UUID, list[tuple[int, str]]] = defaultdict(list)
    for row in await link.fetch(_HISTORY):
        history[row["project_id"]].append((row["version"], row["action"]))
    counted = []
    for table, name, done in (("audit_entries", "action", "outcome = 'done'"), ("outbox_events", "type", "true")):
        acts: dict[UUID, Counter[str]] = defaultdict(Counter)
        for row in await link.fetch(_ACTS.format(table=table, name=name, done=done)):
            acts[row["project_id"]][row["act"]] += row["count"]
        counted.append(acts)
    return history, counted[0], counted[1]


async def _entity_faults(link: asyncpg.Connection, library: Library) -> list[str]:
    """Each entity that a row named was made once."""
    rows = await link.fetch(
        """SELECT o.region_code, o.name, count(*) AS bodies,
            sum((SELECT count(*) FROM audit_entries AS a WHERE a.resource_id = o.id)) AS entries
        FROM organisations AS o WHERE o.name LIKE '示例单位____（示例）' GROUP BY 1, 2"""
    )
    stands = {(row["region_code"], row["name"]): (row["bodies"], row["entries"]) for row in rows}
    wrong = {key for key in stands.keys() | library.entities if stands.get(key) != (1, 1)}
    wrong |= stands.keys() - library.entities
    return [f"entities lost, doubled or told twice: {sorted(wrong)[:5]}"] if wrong else []


async def trace_faults(link: asyncpg.Connection, book: Book) -> list[str]:
    """What is left of all pushes together, beside projects: one run, one record, its traces, and nothing open."""
    counts = {
        "import_runs": book.runs,
        "idempotency_records WHERE route = 'POST /v1/imports/projects'": book.runs,
        "import_runs WHERE state <> 'finished'": 0,
        "audit_entries WHERE action = 'imports.push'": book.runs,
        "outbox_events WHERE type = 'imports.push'": book.runs,
        "audit_entries WHERE action = 'imports.queue'": book.large,
        "jobs WHERE kind = 'imports.run'": book.large,
        "jobs WHERE kind = 'imports.run' AND state <> 'done'": 0,
        "import_rows AS r WHERE NOT EXISTS (SELECT FROM import_runs AS i WHERE i.id = r.run_id)": 0,
        "import_bodies AS b WHERE NOT EXISTS (SELECT FROM import_runs AS i WHERE i.id = b.run_id)": 0,
        "project_funding AS f WHERE NOT EXISTS (SELECT FROM projects AS p WHERE p.id = f.project_id)": 0,
        "pg_prepared_xacts": 0,
    }
    found = []
    for what, owed in counts.items():
        stands = await link.fetchval(f"SELECT count(*) FROM {what}")
        if stands != owed:
            found.append(f"{stands} of {what}, owed {owed}")
    return found


_UNDONE = """SELECT (SELECT count(*) FROM outbox_events WHERE delivered_at IS NULL)
    + (SELECT count(*) FROM jobs WHERE state IN ('queued', 'claimed'))"""
_DOWNSTREAM = {
    "events that have no place in the feed": """outbox_events AS e WHERE e.type IN ('projects.create',
        'projects.update', 'projects.leave', 'projects.admit', 'organisations.create', 'imports.push')
        AND NOT EXISTS (SELECT FROM feed_events AS f WHERE f.id = e.id)""",
    "gaps in the feed": """(SELECT max(position) - count(*) AS gap FROM feed_events) AS g WHERE gap <> 0""",
    "events whose job was lost or doubled": """outbox_events AS e
        WHERE e.type = 'imports.push'
        AND 1 <> (SELECT count(*) FROM jobs AS j WHERE j.key = 'projects.match_run:' || e.id)""",
    "jobs given up": "jobs WHERE state = 'failed'",
}


_OPEN = """SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND usename = 'liangshan_app' AND xact_start IS NOT NULL)
    + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database()))"""


async def is_quiet(link: asyncpg.Connection) -> bool:
    """No request's transaction is open and no lock is held: of the dead nothing goes on."""
    return int(await link.fetchval(_OPEN)) == 0


async def undone(link: asyncpg.Connection) -> int:
    return int(await link.fetchval(_UNDONE))


async def is_settled(link: asyncpg.Connection) -> bool:
    return await undone(link) == 0


async def downstream_faults(link: asyncpg.Connection) -> list[str]:
    """Once the worker has nothing more to do: each event went out once."""
    found = []
    for what, where in _DOWNSTREAM.items():
        if count := await link.fetchval(f"SELECT count(*) FROM {where}"):
            found.append(f"{count} {what}")
    return found


async def http_faults(stage: Stage, link: asyncpg.Connection, key: str, push: Push, first: httpx.Response) -> list[str]:
    """What the client is told is what stands; the key again is the same answer, and with another body refused."""
    found = []
    location = await link.fetchval("SELECT location FROM idempotency_records WHERE key = $1", key)
    rows = await link.fetch(
        "SELECT * FROM import_rows WHERE run_id = $1 ORDER BY index", UUID(location.rsplit("/", 1)[-1])
    )
    headers = {"Authorization": f"Bearer {stage.token}"}
    async with httpx.AsyncClient(base_url=stage.bases[1], headers=headers, timeout=60) as client:
        run = (await client.get(location)).json()
        told = run["rows"] if push.size == "small" else await _pages(client, location)
        if [_as_told(row) for row in rows] != [_brief(row) for row in told]:
            found.append("the rows over HTTP are not those that stand")
        if sum(run[name] for name in COUNTERS) != run["total"] or run["total"] != len(rows):
            found.append("the counters over HTTP do not add up")
        again = await client.post(PUSH + push.options.query, content=push.body, headers=stage.headers(key))
        if (again.status_code, again.content, again.headers.get("idempotent-replayed")) != (
            first.status_code,
            first.content,
            "true",
        ):
            found.append(f"the key again is answered otherwise: {again.status_code}")
        other = await client.post(PUSH + push.options.query, content=push.body + b"{}\n", headers=stage.headers(key))
        if (other.status_code, other.json().get("code")) != (422, "idempotency_key_reused"):
            found.append(f"the key with another body is answered {other.status_code}")
    return found


async def _pages(client: httpx.AsyncClient, location: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await client.get(f"{location}/rows?limit=200{cursor}")).json()
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        cursor = f"&cursor={page['next_cursor']}"


def _as_told(row: asyncpg.Record) -> tuple[Any, ...]:
    errors = [(one["pointer"], one["code"]) for one in json.loads(row["errors"])]
    project = None if row["project_id"] is None else str(row["project_id"])
    return row["index"], row["external_id"], project, row["action"], list(row["changes"]), errors


def _brief(row: dict[str, Any]) -> tuple[Any, ...]:
    errors = [(one["pointer"], one["code"]) for one in row["errors"]]
    return row["index"], row["external_id"], row["id"], row["action"], row["changes"], errors
