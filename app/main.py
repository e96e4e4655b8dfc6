"""create_app(): lifespan, edge, handlers, routers in order; nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from app.attachments import router as attachments
from app.attachments.receiving import STORED_AT_ONCE
from app.audit import router as audit_trail
from app.auth import passwords
from app.auth import router as auth
from app.auth.clients import router as clients
from app.auth.dependencies import authenticate
from app.auth.keys import KeyRing
from app.auth.scopes import CLIENT_SCOPES, SCOPES
from app.auth.service import TokenService
from app.auth.tokens import TokenCodec
from app.cases import router as cases
from app.cases.files import router as case_files
from app.cases.rounds import router as case_rounds
from app.core import docs, health, openapi, problems
from app.core.audit import Resource, audit
from app.core.clock import Clock, Ids
from app.core.config import Settings
from app.core.db import PUBLIC, Database, Entry
from app.core.document import METADATA
from app.core.edge import Edge
from app.core.errors import DomainError
from app.core.idempotency import Replay, ReplayedResponse
from app.core.limits import Limits
from app.core.logging import configure
from app.core.routing import larger_bodies
from app.core.streams import Streams
from app.declarations import router as declarations
from app.declarations.eligibility import router as eligibility
from app.declarations.escalations import router as escalations
from app.declarations.letters import router as letters
from app.declarations.recusals import router as recusals
from app.declarations.statistics import router as recusal_statistics
from app.directory.organisations import router as organisations
from app.directory.people import router as people
from app.directory.people.accounts import router as accounts
from app.directory.people.grants import router as grants
from app.directory.practice_areas import router as practice_areas
from app.directory.reference import router as reference
from app.evaluations import router as evaluations
from app.evaluations.cycles import router as evaluation_cycles
from app.evaluations.exclusions import router as exclusions
from app.evaluations.files import router as appraisal_files
from app.evaluations.items import router as evaluation_items
from app.evaluations.schemes import router as evaluation_schemes
from app.events.cursors import Cursors
from app.events.deliveries import router as deliveries
from app.events.feed import router as feed
from app.events.network import network_of
from app.events.sealing import Seal
from app.events.webhooks import router as webhooks
from app.imports import router as imports
from app.imports.exports import router as exports
from app.imports.history import router as history
from app.plans import router as plans
from app.plans.items import arrangements, preparers, safeguards, targets
from app.plans.items import tasks as key_tasks
from app.plans.versions import router as plan_versions
from app.projects import router as projects
from app.projects.admission import router as admission
from app.projects.sources import router as sources
from app.publications import router as publications
from app.regulation import router as regulation
from app.reviews.assignments import router as assignments
from app.reviews.experts import router as experts
from app.reviews.panels import router as panels
from app.reviews.sheets import router as score_sheets
from app.tasks.reporting import router as reporting
from app.tasks.waiting import router as waiting

# Hot routes first: matching is linear.
ROUTERS = (
    exports.library,
    projects.routes,
    admission.routes,
    admission.proposals,
    sources.sources,
    sources.matches,
    sources.ownership,
    exports.templates,
    history.pushes,
    imports.routes,
    feed.routes,
    webhooks.routes,
    deliveries.routes,
    plans.routes,
    plan_versions.routes,
    targets.routes,
    key_tasks.routes,
    arrangements.routes,
    safeguards.routes,
    preparers.routes,
    score_sheets.routes,
    assignments.routes,
    panels.routes,
    experts.routes,
    declarations.routes,
    recusals.routes,
    recusals.mine,
    letters.routes,
    letters.mine,
    eligibility.routes,
    escalations.routes,
    recusal_statistics.routes,
    evaluations.routes,
    evaluation_items.routes,
    exclusions.routes,
    appraisal_files.routes,
    evaluation_cycles.routes,
    evaluation_schemes.routes,
    cases.routes,
    case_files.routes,
    case_rounds.routes,
    publications.routes,
    attachments.routes,
    organisations.routes,
    people.routes,
    accounts.routes,
    grants.routes,
    clients.routes,
    practice_areas.routes,
    waiting.routes,
    reporting.routes,
    audit_trail.routes,
    reference.routes,
    history.routes,
    regulation.routes,
    auth.tokens,
    auth.identity,
    auth.well_known,
    health.routes,
    docs.routes,
)


def create_app(settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None) -> ASGIApp:
    """The ASGI application. Clock and ids are ports: tests and replays hold them still."""
    api = create_api(settings, clock=clock, ids=ids)
    return Edge(api, max_body_bytes=settings.max_body_bytes, larger=larger_bodies(api.routes))


def create_api(settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None) -> FastAPI:
    """The application without its edge: what the OpenAPI document is made of."""
    configure(settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(app, settings, clock=clock, ids=ids):
            yield

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        **METADATA,
    )
    app.state.inner = app
    app.state.authenticate = authenticate
    problems.install(app, _trace)

    @app.exception_handler(Replay)
    async def on_replay(request: Request, replay: Replay) -> Response:
        return ReplayedResponse(request, replay)  # type: ignore[return-value] # answers as ASGI, like any Response

    for routes in ROUTERS:
        app.include_router(routes)
    openapi.install(app, {scope.code: scope.en for scope in SCOPES.values()}, CLIENT_SCOPES)
    return app


@asynccontextmanager
async def running(
    app: FastAPI, settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None
) -> AsyncIterator[None]:
    """What the application holds while it runs: the database, the key ring, the token service."""
    secret = settings.secret_key.get_secret_value()
    database = Database(settings.app_url, clock=clock, ids=ids, pool_size=settings.pool_size)
    codec = TokenCodec(settings.public_url, settings.public_url, settings.access_token_seconds)
    app.state.database = database
    app.state.codec = codec
    app.state.cursor_secret = f"cursors:{secret}".encode()
    app.state.identity_secret = f"identity-keys:{secret}".encode()
    app.state.event_cursors = Cursors(secret)
    app.state.seal = Seal(secret)
    app.state.network = network_of(settings)
    app.state.keys = KeyRing(database, secret)
    app.state.tokens = TokenService(database, app.state.keys, codec, settings)
    app.state.limits = Limits(database, settings)
    app.state.streams = Streams(settings.stream_seconds)
    app.state.upload_slots = asyncio.Semaphore(STORED_AT_ONCE)
    await passwords.dummy_verify()
    try:
        yield
    finally:
        await database.dispose()


async def _trace(request: Request, error: DomainError) -> None:
    """A refusal that must leave a trace: its audit entry, in a transaction of its own, before the answer."""
    claims = getattr(request.state, "claims", None)
    database: Database = request.app.state.database
    async with database.transaction(PUBLIC) as session:
        await audit(
            session,
            f"{request.method} {request.scope['route'].path}",
            Resource("request", None),
            outcome="denied",
            reason=error.reason.code if error.reason else error.type.code,
            actor=Entry(claims.kind, claims.subject) if claims else PUBLIC,
        )
