"""A push of earlier years: at most as many rows as one receipt shows, all in their request's transaction."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record, record_each
from app.core.db import clock_of, ids_of, trial, walled_from
from app.core.errors import Recused
from app.core.workflow import IS_RECUSED
from app.imports import rules as runs
from app.imports.history import repository
from app.imports.history.rules import RESOURCES, Kind, changes
from app.imports.history.understanding import Read, read
from app.imports.reading import Line
from app.imports.schemas import PushMode
from app.models.imports import ACTIONS, ImportRun

_ABOUT_THE_ENTRY = ("region_code", "year", "indicator_code")


async def execute(session: AsyncSession, run: ImportRun, lines: Iterable[tuple[int, Line]]) -> None:
    """Do a run. Raises `Recused` where the office enters a result of a region from which the caller is recused."""
    kind = Kind(run.kind)
    rows = read(kind, lines, await repository.words(session, kind, run.regions))
    named = sorted({row.region_code for row in rows if row.region_code is not None})
    if kind is Kind.EARLIER_RESULTS and await walled_from(session, [f"region:{code}" for code in named]):
        raise Recused(IS_RECUSED)
    settled = await _settle(session, run, kind, rows)
    rejected = sum(row.action == "rejected" for row in settled)
    refused = run.mode == PushMode.ATOMIC and rejected > 0
    # The dry run goes the whole way, too: what it applies is taken back.
    async with trial(session) as attempt:
        await _apply(session, kind, [row for row in settled if row.entry is not None])
        attempt.kept = not (refused or run.dry_run)
    receipt = [row.receipt(run, refused=refused) for row in settled]
    await repository.write_receipt(session, receipt)
    await _finish(session, run, receipt)


class Settled:
    """What becomes of a row: `entry` is what it adds, `id` the entry that stands for it then."""

    def __init__(self, row: Read, action: str, identity: UUID | None = None) -> None:
        self.row, self.action, self.id = row, action, identity
        self.changed: list[str] = []
        self.entry: dict[str, Any] | None = None

    def receipt(self, run: ImportRun, *, refused: bool) -> dict[str, Any]:
        applied = not (refused or run.dry_run)
        # An edition of a dry run was never there; the one that it would follow is.
        identity = self.id if self.entry is None or applied else None
        return {
            "run_id": run.id,
            "index": self.row.index,
            "source_index": self.row.place,
            "principal_id": run.principal_id,
            "external_id": self.row.key,
            "region_code": self.row.region_code,
            "project_id": None,
            "entry_id": identity,
            "action": "not_applied" if refused and self.action != "rejected" else self.action,
            "changes": [] if refused else self.changed,
            "withheld": [],
            "errors": [{"pointer": fault.pointer, "code": fault.code} for fault in self.row.faults],
        }


async def _settle(session: AsyncSession, run: ImportRun, kind: Kind, rows: list[Read]) -> list[Settled]:
    good = [row for row in rows if not row.faults]
    standing = await repository.standing(session, kind, run.source_system, (row.values["region_code"] for row in good))
    ids, now, found = ids_of(session), clock_of(session).now(), []
    for row in rows:
        if row.faults:
            found.append(Settled(row, "rejected"))
            continue
        before = standing.get(repository.about(kind, row.values))
        kept: Mapping[str, Any] = vars(before) if before is not None else {}
        changed = changes(kept, row.values) if kept else []
        if before is not None and not changed:
            found.append(Settled(row, "unchanged", before.id))
            continue
        settled = Settled(row, "updated" if kept else "created", ids.dossier(now))
        settled.changed = changed
        settled.entry = {
            **row.values,
            "id": settled.id,
            "source_system": run.source_system,
            "edition": kept["edition"] + 1 if kept else 1,
            "import_run_id": run.id,
            "entered_by": run.principal_id,
            "entered_at": now,
        }
        found.append(settled)
    return found


async def _apply(session: AsyncSession, kind: Kind, rows: list[Settled]) -> None:
    await repository.add(session, kind, [row.entry for row in rows if row.entry is not None])
    for action, deed in (("created", "enter"), ("updated", "correct")):
        about = [Resource(RESOURCES[kind], row.id, row.row.region_code) for row in rows if row.action == action]
        await record_each(session, f"{kind}.{deed}", about)


async def _finish(session: AsyncSession, run: ImportRun, receipt: list[dict[str, Any]]) -> None:
    run.total = len(receipt)
    counts = {action: sum(row["action"] == action for row in receipt) for action in ACTIONS}
    for action, count in counts.items():
        setattr(run, action, count)
    run.outcome = runs.outcome(total=run.total, rejected=run.rejected, atomic=run.mode == PushMode.ATOMIC)
    run.state, run.finished_at = "finished", clock_of(session).now()
    await session.flush()
    told = {name: count for name, count in counts.items() if count}
    told |= {"kind": run.kind, "outcome": run.outcome, "dry_run": run.dry_run}
    await record(session, "imports.push", Resource("import_run", run.id), changes=told)
