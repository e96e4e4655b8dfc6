"""Who may: the caller, the session that speaks for them, scopes, idempotency keys.

Refusals come in one order: 401 before the body is read, 403 for a missing scope, then the resource's own
(404, 403 `recused`, 409, 412/428), and 422 last.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import Depends, Header, Request
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller, caller_of
from app.auth.tokens import Claims, TokenRefused
from app.core import errors as e
from app.core import idempotency
from app.core.db import Database, Entry, entered
from app.core.routing import answers

_scheme = OAuth2PasswordBearer(tokenUrl="/v1/auth/token", refreshUrl="/v1/auth/token", auto_error=False)


def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def authenticate(request: Request) -> None:
    """Verify the bearer token's signature and claims, before the body is read. Raises `InvalidToken`."""
    state = request.app.state
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise e.InvalidToken
    try:
        now = int(state.database.clock.now().timestamp())
        claims = await state.keys.verify(state.codec, token, now)
    except TokenRefused as error:
        structlog.get_logger().info("token_refused", reason=error.reason)
        raise e.InvalidToken from error
    request.state.claims = claims
    request.state.principal_id = claims.subject


@answers(e.INVALID_TOKEN, secured=True)
async def get_claims(request: Request, _token: Annotated[str | None, Depends(_scheme)]) -> Claims:
    """For a route that opens its own transactions, one after the other: it must compare `rev` itself."""
    claims: Claims = request.state.claims
    return claims


Bearer = Annotated[Claims, Depends(get_claims)]


@answers(e.INVALID_TOKEN, secured=True)
async def get_session(request: Request, _token: Annotated[str | None, Depends(_scheme)]) -> AsyncIterator[AsyncSession]:
    """The request's one transaction, entered for the caller; committed before the answer is sent."""
    async with _opened(request) as session:
        yield session


@asynccontextmanager
async def _opened(request: Request) -> AsyncIterator[AsyncSession]:
    claims: Claims = request.state.claims
    entry = Entry(
        claims.kind,
        claims.subject,
        relied_on=getattr(request.state, "relied_on", ()),
        targets=getattr(request.state, "targets", ()),
        family=claims.family,
    )
    async with database_of(request).transaction(entry) as session:
        # Under the lock: what changed the caller's rights since the token was issued has raised `rev`.
        if entered(session).rev != claims.rev:
            raise e.InvalidToken
        yield session


Session = Annotated[AsyncSession, Depends(get_session, scope="function")]


async def get_caller(request: Request, session: Session) -> Caller:
    claims: Claims = request.state.claims
    return caller_of(session.info["entry"], claims, entered(session))


AnyCaller = Annotated[Caller, Depends(get_caller)]


class Requires:
    """A caller whose token carries the scope: `Annotated[Caller, Depends(Requires("plans:read"))]`.

    Of several scopes any one is enough; the refusal names all.
    """

    problems: tuple[e.ProblemType, ...] = (e.INSUFFICIENT_SCOPE,)

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    async def __call__(self, caller: AnyCaller) -> Caller:
        return self.checked(caller)

    def checked(self, caller: Caller) -> Caller:
        if caller.scopes.isdisjoint(self.scopes):
            raise e.InsufficientScope(*self.scopes)
        return caller


class Acts(Requires):
    """A caller with the scope, for a POST that creates or transitions: its Idempotency-Key is used once.

    The key is claimed before anything is done and remembered after it, in the act's own transaction.
    """

    problems = (
        e.INSUFFICIENT_SCOPE,
        e.IDEMPOTENCY_KEY_MISSING,
        e.IDEMPOTENCY_IN_FLIGHT,
        e.IDEMPOTENCY_KEY_REUSED,
    )
    keyed = True

    async def __call__(  # type: ignore[override] # a dependency that FastAPI enters and leaves
        self,
        request: Request,
        caller: AnyCaller,
        session: Session,
        idempotency_key: Annotated[
            str,
            Header(
                description="A key of your own for this act; repeating the request with it has one effect.",
                # Documented here, checked with the rest of its grammar once the scope is.
                json_schema_extra={"maxLength": 128},
                examples=["2026-plan-152501-submit-1"],
            ),
        ],
    ) -> AsyncIterator[Caller]:
        self.checked(caller)
        use = await idempotency.begin(request, session, idempotency_key)
        yield caller
        status = getattr(request.state, "answered_with", None) or request.scope["route"].status_code or 200
        await idempotency.remember(request, session, use, status)


@asynccontextmanager
async def entered_again(request: Request, required: Requires) -> AsyncIterator[AsyncSession]:
    """A further transaction of a request whose answer goes on: the token and all that it stands for is looked at again.
    Raises `InvalidToken`, `InsufficientScope`, `Busy`."""
    await authenticate(request)
    async with _opened(request) as session:
        required.checked(caller_of(session.info["entry"], request.state.claims, entered(session)))
        yield session


def requires(*scopes: str) -> Any:
    return Depends(Requires(*scopes))


def acts(*scopes: str) -> Any:
    return Depends(Acts(*scopes), scope="function")


# A token without one of these will be refused: it must not lock anybody until it is.
_CHANGES_PEOPLE = frozenset({"people:write", "grants:write"})


async def lock_person(request: Request, person_id: UUID) -> None:
    """The act changes this person's grants, employment or identity: its transaction locks them alone."""
    if request.state.claims.scopes & _CHANGES_PEOPLE:
        request.state.targets = (person_id,)


# In a route's `dependencies=[…]`, so that it is settled before the session opens.
CHANGES_PERSON = Depends(lock_person)
