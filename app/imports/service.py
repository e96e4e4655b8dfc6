"""One push: what was sent is kept, its rows are staged, applied set by set, and receipted, in one transaction.

A small push is done in its request's transaction; a large one in the worker's, entered for who sent it, and in the
same way.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, closing
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.clients.rules import OFFICE_SOURCE, REGION_SOURCE
from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of, trial
from app.core.errors import FieldError, Invalid, PayloadTooLarge, StateConflict
from app.core.jobs import ask
from app.imports import reading, repository, rules
from app.imports.history import service as history
from app.imports.history.rules import SCOPES, Kind
from app.imports.reading import AT_ONCE, Line
from app.imports.reading.documents import TOO_MANY_ITEMS
from app.imports.receiving import ReceivedBody
from app.imports.schemas import OnMissing, PushMode, PushOptions
from app.imports.understanding import Understanding
from app.models.imports import ACTIONS, ImportProgress, ImportRun
from app.projects import bulk
from app.projects.bulk import Push

JOB = "imports.run"
PROJECTS = "projects"
Watch = Callable[[int, str], Awaitable[None]]


async def push(
    session: AsyncSession, caller: Caller, sent: ReceivedBody, options: PushOptions, kind: str = PROJECTS
) -> ImportRun:
    """Do the push, or queue it where it is large; the run says which. Raises `Invalid`, `PayloadTooLarge`, `Busy`."""
    # What concerns the whole body is found before anything is kept.
    lists = await repository.lists(session)
    with closing(reading.read(sent.file, sent.content_type, lists)) as lines:
        first = await asyncio.to_thread(_first, enumerate(lines))
    source, regions = await _bound(session, caller, options.region_code, kind)
    now = clock_of(session).now()
    run_id = ids_of(session).random()
    run = ImportRun(
        id=run_id,
        principal_id=caller.id,
        principal_kind=caller.entry.kind,
        source_system=source,
        regions=regions,
        kind=kind,
        state="queued",
        content_type=sent.content_type,
        content_hash=sent.sha256,
        body_of=run_id,
        mode=options.mode,
        strategy=options.strategy,
        on_missing=options.on_missing,
        dry_run=options.dry_run,
        started_at=now,
    )
    session.add(run)
    await session.flush()
    await repository.keep_body(session, run.id, sent.file)
    return await _begin(session, run, first)


async def retry(session: AsyncSession, caller: Caller, run: ImportRun, *, dry_run: bool) -> ImportRun:
    """Push the rows of a run again that were not applied. Raises `StateConflict` where there are none."""
    if run.state != "finished" or not run.rejected + run.not_applied:
        raise StateConflict(rules.NOTHING_TO_RETRY)
    # Staff pushed for one region, the office for all.
    one = run.regions[0] if run.principal_kind == "person" and run.kind != Kind.EARLIER_RESULTS else None
    _, regions = await _bound(session, caller, one, run.kind)
    again = ImportRun(
        id=ids_of(session).random(),
        principal_id=caller.id,
        principal_kind=caller.entry.kind,
        source_system=run.source_system,
        regions=regions,
        kind=run.kind,
        state="queued",
        content_type=run.content_type,
        content_hash=run.content_hash,
        body_of=run.body_of,
        retry_of=run.id,
        mode=run.mode,
        strategy=run.strategy,
        # What these rows do not name was named by the others.
        on_missing=OnMissing.IGNORE,
        dry_run=dry_run,
        started_at=clock_of(session).now(),
    )
    session.add(again)
    await session.flush()
    async with lines_of(session, again) as lines:
        return await _begin(session, again, await asyncio.to_thread(_first, lines))


async def cancel(session: AsyncSession, run: ImportRun) -> None:
    """Tell the worker to stop. Raises `StateConflict` for a run that has ended."""
    if run.state != "queued":
        raise StateConflict(rules.HAS_ENDED)
    await repository.ask_to_cancel(session, run.id)
    await record(session, "imports.cancel", Resource("import_run", run.id))


@asynccontextmanager
async def lines_of(session: AsyncSession, run: ImportRun) -> AsyncIterator[Iterator[tuple[int, Line]]]:
    """A run's rows as they were sent, each with its place in the body; of a retry only those that it repeats."""
    wanted = set(await repository.refused_places(session, run.retry_of)) if run.retry_of is not None else None
    lists = await repository.lists(session)
    async with repository.body(session, run) as body:
        with closing(reading.read(body, run.content_type, lists)) as lines:
            placed = enumerate(lines)
            yield placed if wanted is None else ((place, line) for place, line in placed if place in wanted)


async def execute(session: AsyncSession, run: ImportRun, lines: Iterable[tuple[int, Line]], watch: Watch) -> None:
    """Do a queued run. Everything stands when this transaction commits, or nothing."""
    vocabulary = await repository.spoken(session, run.regions)
    understanding = Understanding(vocabulary)
    await bulk.open_staging(session)
    await bulk.stage(session, understanding.rows(lines, lambda count: watch(count, "reading")))
    run.total = understanding.count
    await watch(run.total, "applying")
    push = Push(run.source_system, run.strategy, run.id)
    left = 0
    # The dry run goes the whole way, too: what it applies is taken back.
    async with trial(session) as attempt:
        await bulk.apply(session, push, run.total)
        rejected = await repository.rejected(session)
        if run.on_missing == OnMissing.LEAVE and not rejected:
            left = await bulk.leave_missing(session, push, sorted(vocabulary.regions))
        refused = run.mode == PushMode.ATOMIC and rejected > 0
        attempt.kept = not (refused or run.dry_run)
        found = None if attempt.kept else await repository.carry_out(session)
    if found is not None:
        await repository.carry_in(session, found)
    await watch(run.total, "writing_receipt")
    await repository.write_receipt(session, run, refused=refused)
    counts = await repository.counts(session, run.id)
    for action in ACTIONS:
        setattr(run, action, counts.get(action, 0))
    run.left_library = left
    run.outcome = rules.outcome(total=run.total, rejected=run.rejected, atomic=run.mode == PushMode.ATOMIC)
    run.state, run.finished_at = "finished", clock_of(session).now()
    await session.flush()
    told = {**counts, "left_library": left, "outcome": run.outcome, "dry_run": run.dry_run}
    await record(session, "imports.push", Resource("import_run", run.id), changes=told)


async def _begin(session: AsyncSession, run: ImportRun, first: list[tuple[int, Line]]) -> ImportRun:
    if run.kind in SCOPES:
        if len(first) > AT_ONCE:
            raise PayloadTooLarge(TOO_MANY_ITEMS)
        await history.execute(session, run, first)
        return run
    if len(first) <= AT_ONCE:
        await execute(session, run, first, _unwatched)
        return run
    session.add(ImportProgress(run_id=run.id, rows_read=0, step="waiting"))
    await session.flush()
    about = Resource("import_run", run.id)
    await ask(session, JOB, key=f"{JOB}:{run.id}", about=about, payload={"run_id": str(run.id)})
    await record(session, "imports.queue", about)
    return run


def _first(lines: Iterator[tuple[int, Line]]) -> list[tuple[int, Line]]:
    """As many rows as are done at once, and one more to tell. A workbook takes its time: beside the loop."""
    return list(islice(lines, AT_ONCE + 1))


async def _unwatched(_count: int, _step: str) -> None:
    """A small push is over before anybody could look at it."""


async def _bound(session: AsyncSession, caller: Caller, region_code: str | None, kind: str) -> tuple[str, list[str]]:
    """Source system and regions: a client's as registered; staff push for one region of theirs, the office for all
    but those whose staff the caller is.
    """
    if kind == Kind.EARLIER_RESULTS:
        everywhere = await repository.assessed_regions(session)
        return OFFICE_SOURCE, [code for code in everywhere if code not in caller.regions]
    if caller.is_client:
        if region_code is not None:
            raise Invalid(FieldError("?region_code", "unknown_parameter"))
        return caller.client["source_system"], list(caller.client["regions"])
    scope = SCOPES[Kind(kind)] if kind in SCOPES else rules.PUSH
    own = sorted(code for code in caller.regions if scope in caller.scopes_in(code))
    if region_code is None and len(own) == 1:
        region_code = own[0]
    if region_code is None:
        raise Invalid(FieldError("?region_code", "required"))
    if region_code not in own:
        raise Invalid(FieldError("?region_code", "outside_regions"))
    return f"{REGION_SOURCE}{region_code}", [region_code]
