"""A push over HTTP, from its first byte to its receipt, against the bare COPY of the same rows.

The push is real: a server process and a worker process over the local PostgreSQL, a token, NDJSON. It leaves projects,
external ids, funding, history, audit, events and one receipt row for each row. The bare COPY leaves the rows.
"""

import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.core.config import Settings
from app.main import create_api, running
from tests import processes
from tests.ground import FrozenClock, Ground
from tests.imports.pushing import PUSH, REGIONS
from tests.races.conftest import free_port, ready
from tests.world import World

_MODES = ("生态农业", "生态旅游", "ecological_compensation", "生态修复")
_STAGES = ("储备", "前期", "在建", "竣工")
_BODIES = 2_000
_LEFT = (
    *("projects", "project_external_ids", "project_funding", "project_changes", "organisations"),
    *("import_rows", "audit_entries", "outbox_events"),
)
_COLUMNS = """external_id text, name text, region_code text, primary_mode text, secondary_modes text[], entity text,
    entity_kind text, construction_content text, building_stage text, starts_on date, ends_on date, funding jsonb,
    jobs integer, households integer, income numeric(16,2), longitude numeric(9,6), latitude numeric(9,6)"""


def rows_for(count: int, *, named: str = "示例项目") -> Iterator[dict[str, Any]]:
    """Rows of about 600 bytes, all valid and all different."""
    for number in range(count):
        region = REGIONS[number % len(REGIONS)]
        yield {
            "external_id": f"B-{number:07}",
            "name": f"{named}{number:07}（示例）",
            "region_code": region,
            "primary_mode": _MODES[number % len(_MODES)],
            "secondary_modes": ["生态市场"] if number % 3 else [],
            "investment_entity": {"name": f"示例单位{number % _BODIES:04}", "kind": "enterprise"},
            "construction_content": "草畜平衡核定、载畜量监测、补偿资金绩效发放",
            "building_stage": _STAGES[number % len(_STAGES)],
            "starts_on": "2026-05-01",
            "ends_on": "2028-10-30",
            "funding": [
                {"source": "special_bond", "planned": f"{number}.00", "done": "0.00"},
                {"source": "own_funds", "year": 2026, "planned": "1200000.00", "done": "1000.00"},
            ],
            "expected_benefits": {"jobs": number % 300, "households": 12, "household_income_increase": "1200.00"},
            "location": {"type": "Point", "coordinates": [112.0161, 43.5302]},
        }


async def measure_push(ground: Ground, count: int) -> list[str]:
    settings = ground.settings(await ground.clone())
    body = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows_for(count))
    async with _service(settings) as (world, client, server):
        machine = await world.machine(*REGIONS)
        headers = {"Authorization": f"Bearer {machine.token}", "Content-Type": "application/x-ndjson"}
        bare = [await _bare(settings, count) for _ in range(3)]
        before = _memory(server)
        first = await _push(client, headers, body, "bench-1")
        grown = max(0, _memory(server, peak=True) - before)
        everything = await _bare_of_all(settings)
        again = await _push(client, headers, body, "bench-2")
        bare += [await _bare(settings, count) for _ in range(3)]
    limit = sorted(bare)[len(bare) // 2]
    return [
        f"rows {count}, {len(body) / 2**20:.0f} MiB of NDJSON",
        f"bare COPY of the same rows: {limit:.2f} s (median of {len(bare)})",
        f"bare COPY of all rows that the push leaves, with their indexes: {everything:.2f} s",
        f"push with receipts, history and audit: {first:.2f} s, ratio {limit / first:.3f}",
        f"    and to the COPY of all that it leaves: ratio {everything / first:.3f}",
        f"the same push again, all unchanged:    {again:.2f} s, ratio {limit / again:.3f}",
        f"server's memory grew by {grown / 2**20:.0f} MiB at most",
    ]


@asynccontextmanager
async def _service(settings: Settings) -> AsyncIterator[tuple[World, httpx.AsyncClient, int]]:
    port = free_port()
    started = [
        multiprocessing.Process(target=processes.serve, args=(settings, port)),
        multiprocessing.Process(target=processes.work_for_tests, args=(settings,)),
    ]
    for process in started:
        process.start()
    api = create_api(settings)
    try:
        async with (
            running(api, settings, clock=FrozenClock()),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=600) as client,
        ):
            await ready(client)
            world = World(api, settings)
            yield world, client, started[0].pid or 0
            await world.close()
    finally:
        for process in started:
            process.kill()
            process.join()


async def _push(client: httpx.AsyncClient, headers: dict[str, str], body: bytes, key: str) -> float:
    started = time.perf_counter()
    answer = await client.post(PUSH, content=_chunks(body), headers={**headers, "Idempotency-Key": key})
    while answer.status_code == 202 or answer.json()["state"] == "queued":
        place = answer.headers.get("location") or str(answer.url.path)
        await asyncio.sleep(0.05)
        answer = await client.get(place, headers=headers)
    took = time.perf_counter() - started
    told = answer.json()
    if told["outcome"] != "succeeded":
        raise RuntimeError(f"the push came to {told['state']}: {told['outcome']} {told['failure']}")
    return took


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 64 * 1024):
        yield body[start : start + 64 * 1024]


async def _bare_of_all(settings: Settings) -> float:
    """COPY everything that the pushes left, ready in files, into tables with the same indexes, and commit."""
    connection = await asyncpg.connect(settings.owner_url.replace("+asyncpg", ""))
    try:
        with tempfile.TemporaryDirectory() as folder:
            for table in _LEFT:
                await connection.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING INDEXES)")
                await connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
                await connection.copy_from_query(
                    f"SELECT * FROM {table}",  # noqa: S608 - constants
                    output=Path(folder) / table,
                    format="binary",
                )
            started = time.perf_counter()
            async with connection.transaction():
                for table in _LEFT:
                    await connection.copy_to_table(f"bare_{table}", source=Path(folder) / table, format="binary")
            return time.perf_counter() - started
    finally:
        await connection.close()


async def _bare(settings: Settings, count: int) -> float:
    """COPY the same values, ready in memory, into a table without any index, and commit."""
    records = [_record(row) for row in rows_for(count)]
    connection = await asyncpg.connect(settings.owner_url.replace("+asyncpg", ""))
    try:
        await connection.execute(f"DROP TABLE IF EXISTS bare; CREATE TABLE bare ({_COLUMNS})")
        started = time.perf_counter()
        await connection.copy_records_to_table("bare", records=records)
        return time.perf_counter() - started
    finally:
        await connection.execute("DROP TABLE bare")
        await connection.close()


def _record(row: dict[str, Any]) -> tuple[Any, ...]:
    entity, benefits = row["investment_entity"], row["expected_benefits"]
    return (
        *(row[name] for name in ("external_id", "name", "region_code", "primary_mode", "secondary_modes")),
        entity["name"],
        entity["kind"],
        row["construction_content"],
        row["building_stage"],
        date.fromisoformat(row["starts_on"]),
        date.fromisoformat(row["ends_on"]),
        json.dumps(row["funding"], ensure_ascii=False),
        benefits["jobs"],
        benefits["households"],
        Decimal(benefits["household_income_increase"]),
        *(Decimal(str(degrees)) for degrees in row["location"]["coordinates"]),
    )


def _memory(process: int, *, peak: bool = False) -> int:
    """Resident bytes of the process, or the most that it ever had."""
    wanted = "VmHWM" if peak else "VmRSS"
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the process has no memory to tell of")
