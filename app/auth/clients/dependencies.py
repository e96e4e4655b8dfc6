"""Who may register, see, confirm and stop which client.

A new secret is in its answer alone, so no idempotency key is asked for: a repetition could not show it again.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.auth.clients import repository
from app.auth.clients.rules import CLIENT_LIFE, ClientState, state_of
from app.auth.clients.schemas import ClientDetail, ClientOut
from app.auth.dependencies import AnyCaller, Session, acts, database_of, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, shown
from app.core.etag import IfMatch
from app.core.routing import answers
from app.core.workflow import WRONG_STATE, Actor, Side
from app.models.identity import Client

Reader = Annotated[Caller, requires("clients:read")]
Registrar = Annotated[Caller, acts("clients:write")]
Keeper = Annotated[Caller, requires("clients:write")]
Confirmer = Annotated[Caller, acts("clients:confirm")]
Stopper = Annotated[Caller, acts("clients:disable")]

# A token without one of these will be refused: it must not lock anybody until it is.
_CHANGES_CLIENTS = frozenset({"clients:write", "clients:confirm", "clients:disable"})


async def lock_client(request: Request, client_id: UUID) -> None:
    """The act changes this client's rights or secrets: its transaction locks it alone."""
    if request.state.claims.scopes & _CHANGES_CLIENTS:
        request.state.targets = (client_id,)


async def lock_new_client(request: Request) -> None:
    """The id is made before the session opens, for a client's row is only written under its lock."""
    request.state.new_client = database_of(request).ids.random()
    request.state.targets = (request.state.new_client,)


# In a route's `dependencies=[…]`, so that it is settled before the session opens.
CHANGES_CLIENT = Depends(lock_client)
MAKES_CLIENT = Depends(lock_new_client)


async def new_client(request: Request) -> UUID:
    made: UUID = request.state.new_client
    return made


NewClient = Annotated[UUID, Depends(new_client)]


def _state(client: Client) -> ClientState:
    return state_of(
        disabled=client.disabled_at is not None,
        given=[*client.scopes, *client.regions],
        asked=[*client.requested_scopes, *client.requested_regions],
    )


def client_out(client: Client) -> ClientOut:
    return ClientOut.of(client, _state(client))


def client_detail(caller: Caller, client: Client) -> ClientDetail:
    verdicts = CLIENT_LIFE.verdicts(_state(client), _administrator(caller), _authors(client))
    return ClientDetail.with_actions(client, _state(client), shown(verdicts))


def _administrator(caller: Caller) -> Actor:
    """Administration knows no region and no recusal."""
    return Actor(caller.id, caller.scopes, frozenset({Side.LEAGUE}), recused=False)


def _authors(client: Client) -> dict[str, UUID | None]:
    return {"request": client.requested_by}


@answers(e.NOT_FOUND)
async def visible_client(session: Session, client_id: UUID) -> Client:
    client = await repository.one(session, client_id)
    if client is None:
        raise e.NotFound
    return client


class _Judged:
    """The client, locked, where the caller may do this to it now."""

    problems: tuple[e.ProblemType, ...] = (e.NOT_FOUND, e.STATE_CONFLICT)

    def __init__(self, action: str) -> None:
        self._action = action
        if CLIENT_LIFE.transitions[action].distinct_from:
            self.problems = (*self.problems, e.FOUR_EYES)

    async def _found(self, session: Session, caller: Caller, client_id: UUID) -> Client:
        client = await repository.one(session, client_id, lock=True)
        if client is None:
            raise e.NotFound
        verdict = CLIENT_LIFE.judge(self._action, _state(client), _administrator(caller), _authors(client))
        insist(verdict, CLIENT_LIFE.transitions[self._action].scope)
        return client


class ClientTo(_Judged):
    async def __call__(self, session: Session, caller: AnyCaller, client_id: UUID, precondition: IfMatch) -> Client:
        client = await self._found(session, caller, client_id)
        precondition.check(client.version)
        return client


class ClientFor(_Judged):
    """For what changes no member of it, so that no version has to be known."""

    async def __call__(self, session: Session, caller: AnyCaller, client_id: UUID) -> Client:
        return await self._found(session, caller, client_id)


VisibleClient = Annotated[Client, Depends(visible_client)]
ClientToEdit = Annotated[Client, Depends(ClientTo("edit"))]
ClientToConfirm = Annotated[Client, Depends(ClientTo("confirm"))]
ClientToDisable = Annotated[Client, Depends(ClientTo("disable"))]
ClientToEnable = Annotated[Client, Depends(ClientTo("enable"))]
ClientForSecret = Annotated[Client, Depends(ClientFor("secrets"))]


@answers(e.NOT_FOUND, e.STATE_CONFLICT)
async def secret_to_revoke(session: Session, client: VisibleClient, secret_id: UUID) -> UUID:
    """Of this client, and still accepted."""
    live = await repository.live_secret(session, client.id, secret_id)
    if live is None:
        raise e.NotFound
    if not live:
        raise e.StateConflict(WRONG_STATE)
    return secret_id


SecretToRevoke = Annotated[UUID, Depends(secret_to_revoke)]
