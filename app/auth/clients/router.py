"""Other systems (machine clients): who they are, what they may do, and their secrets."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.clients import repository, service
from app.auth.clients.dependencies import (
    CHANGES_CLIENT,
    MAKES_CLIENT,
    ClientForSecret,
    ClientToConfirm,
    ClientToDisable,
    ClientToEdit,
    ClientToEnable,
    Confirmer,
    Keeper,
    NewClient,
    Reader,
    Registrar,
    SecretToRevoke,
    Stopper,
    VisibleClient,
    client_detail,
    client_out,
)
from app.auth.clients.schemas import (
    ClientDetail,
    ClientFilters,
    ClientIn,
    ClientOut,
    ClientPatch,
    SecretMade,
    SecretOut,
)
from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.fields import ReasonBody
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import for_example, may_answer, router
from app.models.identity import Client

routes = router("/v1/clients", tag="clients")


def _place(client: Client) -> str:
    return f"/v1/clients/{client.id}"


@routes.get("", summary="List clients")
async def list_clients(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[ClientFilters, Query()]
) -> Page[ClientOut]:
    """Every registered system, by its `client_id`; disabled ones stay."""
    statement = repository.listed(organisation_id=filters.organisation_id, source_system=filters.source_system)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(client_out)


@routes.post(
    "",
    status_code=201,
    response_model=ClientDetail,
    summary="Register a client",
    dependencies=[MAKES_CLIENT, may_answer(e.CONFLICT)],
)
async def create_client(
    caller: Registrar, client_id: NewClient, session: Session, reply: Replies, body: ClientIn
) -> Response:
    """Another system, by a system administrator. It can do nothing until a security administrator confirms it
    (三员分离). 409 `conflict`, reason `client_id_taken`; or reason `source_system_taken`: the source system is another
    organisation's."""
    client = await service.register(session, body, client_id=client_id, by=caller.id)
    return reply(client_detail(caller, client), version=client.version, location=_place(client), created=True)


@routes.get("/{client_id}", response_model=ClientDetail, summary="Get a client")
async def get_client(caller: Reader, client: VisibleClient, reply: Replies) -> Response:
    """One system: what it may do, what is asked for it beyond that, who asked and who confirmed."""
    return reply(client_detail(caller, client), version=client.version)


@routes.patch("/{client_id}", response_model=ClientDetail, summary="Change a client", dependencies=[CHANGES_CLIENT])
async def update_client(
    caller: Keeper, client: ClientToEdit, session: Session, reply: Replies, body: ClientPatch
) -> Response:
    """Scopes and regions that are left out end with this answer, and its tokens with them; those that are added wait
    for a confirmation. Limits of calls and the name take effect at once."""
    client = await service.change(session, client, body, by=caller.id)
    return reply(client_detail(caller, client), version=client.version)


@routes.post(
    "/{client_id}/confirm", response_model=ClientDetail, summary="Confirm a client", dependencies=[CHANGES_CLIENT]
)
async def confirm_client(caller: Confirmer, client: ClientToConfirm, session: Session, reply: Replies) -> Response:
    """What is requested is in effect with this answer. By a security administrator, and by nobody who asked for it
    (409 `four_eyes`). Tokens from before end: the next one carries what it may do now."""
    client = await service.confirm(session, client, by=caller.id)
    return reply(client_detail(caller, client), version=client.version, location=_place(client))


@routes.post(
    "/{client_id}/disable", response_model=ClientDetail, summary="Disable a client", dependencies=[CHANGES_CLIENT]
)
async def disable_client(
    caller: Stopper,
    client: ClientToDisable,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="密钥疑似泄露（示例）")],
) -> Response:
    """By either administrator. Once this is answered, no token of the client is accepted and it gets no other."""
    client = await service.set_disabled(session, client, disabled=True, reason=body.reason)
    return reply(client_detail(caller, client), version=client.version, location=_place(client))


@routes.post(
    "/{client_id}/enable", response_model=ClientDetail, summary="Enable a client", dependencies=[CHANGES_CLIENT]
)
async def enable_client(
    caller: Confirmer,
    client: ClientToEnable,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="密钥已更换（示例）")],
) -> Response:
    """By a security administrator. It may do again what it could, with the secrets that were not revoked; old tokens
    stay dead."""
    client = await service.set_disabled(session, client, disabled=False, reason=body.reason)
    return reply(client_detail(caller, client), version=client.version, location=_place(client))


@routes.get("/{client_id}/secrets", summary="List a client's secrets")
async def list_client_secrets(
    _caller: Reader,
    client: VisibleClient,
    session: Session,
    pages: Paging,
    filters: Annotated[PageParams, Query()],
) -> Page[SecretOut]:
    """When each was made and revoked, the latest first; never the secret, of which only a digest is kept."""
    statement, order = repository.secrets(client.id)
    page = await pages.of(session, statement, filters, order)
    return page.show_rows(lambda row: SecretOut(id=row.id, created_at=row.created_at, revoked_at=row.revoked_at))


@routes.post(
    "/{client_id}/secrets",
    status_code=201,
    summary="Make a client's secret",
    dependencies=[CHANGES_CLIENT, may_answer(e.CONFLICT)],
)
async def create_client_secret(_caller: Keeper, client: ClientForSecret, session: Session) -> SecretMade:
    """Shown in this answer and never again. Two may live at a time, so that a system changes over without a pause: make
    the second, let it log in with it, revoke the first; a third is a 409 `conflict`, reason `two_secrets_live`. It
    takes no Idempotency-Key: a repetition makes another secret."""
    return await service.add_secret(session, client)


@routes.post(
    "/{client_id}/secrets/{secret_id}/revoke",
    status_code=204,
    summary="Revoke a client's secret",
    dependencies=[CHANGES_CLIENT],
)
async def revoke_client_secret(
    _caller: Stopper, secret_id: SecretToRevoke, client: VisibleClient, session: Session, reply: Replies
) -> Response:
    """By either administrator. Nobody knows which secret a token was had with, so all tokens of the client end; with
    the secret that is left it gets a new one at once."""
    await service.revoke_secret(session, client, secret_id)
    return reply.without_content(204, location=_place(client))
