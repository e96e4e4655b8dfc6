"""One push: rows are validated, applied set by set, and receipted; all in the request's transaction."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.bulk import insert_rows
from app.core.db import clock_of, ids_of, trial
from app.core.errors import FieldError
from app.core.problems import field_errors
from app.imports import repository, rules
from app.imports.reading import Line
from app.imports.rules import Vocabulary
from app.imports.schemas import OnMissing, ProjectRow, PushMode, PushOptions, RowAction
from app.models.imports import ImportRow, ImportRun
from app.projects import bulk, content
from app.projects.bulk import Incoming, Outcome, Push
from app.projects.entities import Entity

# A row of 8 MB could hold a million unknown members; no honest row has so many that can be wrong.
MAX_ERRORS = 150
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,300}")


@dataclass(frozen=True, slots=True)
class Batch:
    """A body as it came: its rows, and what the receipt says of it."""

    lines: Sequence[Line]
    media_type: str
    content_hash: str


def batch(lines: Sequence[Line], media_type: str, raw: bytes) -> Batch:
    return Batch(lines, media_type, hashlib.sha256(raw).hexdigest())


@dataclass(frozen=True, slots=True)
class _Read:
    """A row as far as it could be understood."""

    external_id: str | None
    region_code: str | None
    incoming: Incoming | None
    errors: tuple[FieldError, ...]


async def push_projects(session: AsyncSession, caller: Caller, sent: Batch, options: PushOptions) -> UUID:
    """Run the push and keep its receipt; returns the run's id."""
    started = clock_of(session).now()
    regions: list[str] = caller.client["regions"]
    source: str = caller.client["source_system"]
    vocabulary = await repository.spoken(session, regions)
    read = _read_all(sent.lines, vocabulary)
    push = Push(source, options.strategy.value, ids_of(session).random())
    valid = [row.incoming for row in read if row.incoming is not None]
    left = 0
    # The dry run goes the whole way, too: what it applies is taken back.
    async with trial(session) as attempt:
        applied = await bulk.upsert(session, push, valid)
        outcomes = [
            applied[index] if row.incoming is not None else Outcome("rejected", errors=row.errors)
            for index, row in enumerate(read)
        ]
        rejected = sum(outcome.action == "rejected" for outcome in outcomes)
        if options.on_missing is OnMissing.LEAVE and not rejected:
            pushed = [row.external_id for row in read if row.external_id is not None]
            left = await bulk.leave_missing(session, push, sorted(vocabulary.regions), pushed)
        refused = options.mode is PushMode.ATOMIC and rejected > 0
        attempt.kept = not (refused or options.dry_run)
    rows = [
        _receipt(push.run_id, caller.id, index, row, outcome, refused=refused, dry_run=options.dry_run)
        for index, (row, outcome) in enumerate(zip(read, outcomes, strict=True))
    ]
    await _keep(session, caller, push, sent, options, rows, left=left, started=started)
    return push.run_id


def _read_all(lines: Sequence[Line], vocabulary: Vocabulary) -> list[_Read]:
    seen: set[str] = set()
    read = []
    for index, line in enumerate(lines):
        row = _read(index, line, vocabulary)
        if row.external_id is not None and row.external_id in seen:
            errors = (FieldError("/external_id", "duplicate"), *row.errors)
            row = _Read(row.external_id, row.region_code, None, errors)
        elif row.external_id is not None:
            seen.add(row.external_id)
        read.append(row)
    return read


def _read(index: int, line: Line, vocabulary: Vocabulary) -> _Read:
    if line.fault is not None:
        return _Read(None, None, None, (FieldError("", line.fault),))
    try:
        row = ProjectRow.model_validate(line.document, context=vocabulary)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = field_errors([dict(item) for item in found[:MAX_ERRORS]], base=("row",))
        wrong = {item.pointer for item in errors}
        return _Read(
            _told(line.document, "external_id", wrong),
            _told(line.document, "region_code", wrong),
            None,
            tuple(dict.fromkeys(FieldError(_safe(item.pointer), item.code) for item in errors)),
        )
    entity = row.investment_entity
    incoming = Incoming(
        index,
        row.external_id,
        row.region_code,
        content.stated(row),
        Entity(entity.name, entity.kind.value, entity.credit_code),
        row.stage_reason,
    )
    return _Read(row.external_id, row.region_code, incoming, ())


def _told(document: Any, name: str, wrong: set[str]) -> str | None:
    """A member of a rejected row that was itself in order, as it would have been understood."""
    if not isinstance(document, dict) or name not in document or f"/{name}" in wrong:
        return None
    return str(document[name]).strip()


def _safe(pointer: str) -> str:
    """A member's name is the sender's: one that is no text stays out of the receipt."""
    return pointer if _PRINTABLE.fullmatch(pointer) else ""


def _receipt(
    run_id: UUID, client_id: UUID, index: int, row: _Read, outcome: Outcome, *, refused: bool, dry_run: bool
) -> dict[str, Any]:
    action = RowAction(outcome.action)
    if refused and action is not RowAction.REJECTED:
        action = RowAction.NOT_APPLIED
    vain = outcome.action == "created" and (refused or dry_run)
    return {
        "run_id": run_id,
        "index": index,
        "client_id": client_id,
        "external_id": row.external_id,
        "region_code": row.region_code,
        "project_id": None if vain else outcome.project_id,
        "action": action,
        "changes": list(outcome.changes) if action is RowAction.UPDATED else [],
        "errors": [{"pointer": error.pointer, "code": error.code} for error in outcome.errors],
    }


async def _keep(
    session: AsyncSession,
    caller: Caller,
    push: Push,
    sent: Batch,
    options: PushOptions,
    rows: Sequence[Mapping[str, Any]],
    *,
    left: int,
    started: datetime,
) -> None:
    counts = Counter(row["action"] for row in rows)
    outcome = rules.outcome(
        total=len(rows), rejected=counts[RowAction.REJECTED], atomic=options.mode is PushMode.ATOMIC
    )
    session.add(
        ImportRun(
            id=push.run_id,
            client_id=caller.id,
            source_system=push.source,
            kind="projects",
            content_type=sent.media_type,
            content_hash=sent.content_hash,
            mode=options.mode,
            strategy=options.strategy,
            on_missing=options.on_missing,
            dry_run=options.dry_run,
            outcome=outcome,
            total=len(rows),
            **{action.value: counts[action] for action in RowAction},
            left_library=left,
            started_at=started,
            finished_at=clock_of(session).now(),
        )
    )
    await session.flush()
    await insert_rows(session, ImportRow, rows)
    told = {action.value: counts[action] for action in RowAction}
    changes = {**told, "left_library": left, "outcome": outcome, "dry_run": options.dry_run}
    await record(session, "imports.push", Resource("import_run", push.run_id), changes=changes)
