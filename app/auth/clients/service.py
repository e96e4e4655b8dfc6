"""Registering, confirming and ending what other systems may do. The trigger raises `rev`: old tokens stop at once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import passwords
from app.auth.clients import repository
from app.auth.clients.rules import kept
from app.auth.clients.schemas import ClientIn, ClientLimits, ClientPatch, SecretMade
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid, Reason
from app.models.identity import Client, Principal

CONSTRAINT_REASONS["uq_clients_client_id"] = Reason(
    "client_id_taken", "该 client_id 已登记", "A client with this client_id exists"
)
CONSTRAINT_REASONS["clients_source_of_one_organisation"] = Reason(
    "source_system_taken", "该来源系统属于另一单位", "The source system belongs to another organisation"
)
CONSTRAINT_REASONS["client_secrets_two_at_most"] = Reason(
    "two_secrets_live", "已有两个有效密钥，请先吊销其一", "Two secrets are live: revoke one first"
)


async def register(session: AsyncSession, body: ClientIn, *, client_id: UUID, by: UUID) -> Client:
    """Nothing is given yet. `client_id`: the id that this transaction locked. Raises `Invalid`, `Conflict`."""
    await _check(session, body.regions, organisation_id=body.organisation_id)
    session.add(Principal(id=client_id, kind="client", disabled_at=None))
    await session.flush()
    client = Client(
        id=client_id,
        client_id=body.client_id,
        name=body.name,
        organisation_id=body.organisation_id,
        source_system=body.source_system,
        scopes=[],
        regions=[],
        requested_scopes=sorted(set(body.scopes)),
        requested_regions=sorted(set(body.regions)),
        requested_by=by,
        requested_at=clock_of(session).now(),
        confirmed_by=None,
        confirmed_at=None,
        disabled_at=None,
        is_demo=False,
    )
    _limit(client, body.rate_limits)
    session.add(client)
    await session.flush()
    await _record(session, "clients.create", client, changes=body.model_dump(mode="json"))
    return client


async def change(session: AsyncSession, client: Client, body: ClientPatch, *, by: UUID) -> Client:
    """What is dropped ends with this; what is new waits for its confirmation. Raises `Invalid`."""
    stated = body.model_dump(mode="json", exclude_unset=True)
    missing = [FieldError(f"/{name}", "required") for name, value in stated.items() if value is None]
    if missing:
        raise Invalid(*missing)
    await _check(session, body.regions or ())
    asked_before = (client.requested_scopes, client.requested_regions)
    if body.name is not None:
        client.name = body.name
    if body.scopes is not None:
        client.requested_scopes = sorted(set(body.scopes))
        client.scopes = kept(client.scopes, body.scopes)
    if body.regions is not None:
        client.requested_regions = sorted(set(body.regions))
        client.regions = kept(client.regions, body.regions)
    if asked_before != (client.requested_scopes, client.requested_regions):
        client.requested_by, client.requested_at = by, clock_of(session).now()
    if body.rate_limits is not None:
        _limit(client, body.rate_limits)
    await session.flush()
    await _record(session, "clients.update", client, changes=stated)
    return client


async def confirm(session: AsyncSession, client: Client, *, by: UUID) -> Client:
    client.scopes, client.regions = list(client.requested_scopes), list(client.requested_regions)
    client.confirmed_by, client.confirmed_at = by, clock_of(session).now()
    await session.flush()
    await _record(session, "clients.confirm", client, changes={"scopes": client.scopes, "regions": client.regions})
    return client


async def set_disabled(session: AsyncSession, client: Client, *, disabled: bool, reason: str) -> Client:
    now = clock_of(session).now()
    client.disabled_at = now if disabled else None
    await session.flush()
    await repository.set_disabled(session, client.id, client.disabled_at, now)
    await _record(session, "clients.disable" if disabled else "clients.enable", client, reason=reason)
    return client


async def add_secret(session: AsyncSession, client: Client) -> SecretMade:
    """Raises `Conflict` where two live already."""
    secret, now = passwords.new_secret(), clock_of(session).now()
    made = SecretMade(id=ids_of(session).random(), secret=secret, created_at=now)
    await repository.add_secret(session, made.id, client.id, passwords.secret_digest(secret), now)
    await _record(session, "clients.add_secret", client, changes={"secret_id": str(made.id)})
    return made


async def revoke_secret(session: AsyncSession, client: Client, secret_id: UUID) -> None:
    await repository.revoke_secret(session, secret_id, client.id, clock_of(session).now())
    await _record(session, "clients.revoke_secret", client, changes={"secret_id": str(secret_id)})


def _limit(client: Client, limits: ClientLimits) -> None:
    client.reads_limit, client.writes_limit, client.pushes_limit = limits.reads, limits.writes, limits.pushes


async def _check(session: AsyncSession, regions: Sequence[str], *, organisation_id: UUID | None = None) -> None:
    known = await repository.assessed(session, regions) if regions else set()
    faults = [
        FieldError(f"/regions/{place}", "unknown_reference") for place, code in enumerate(regions) if code not in known
    ]
    if organisation_id is not None and not await repository.is_organisation(session, organisation_id):
        faults.append(FieldError("/organisation_id", "unknown_reference"))
    if faults:
        raise Invalid(*faults)


async def _record(
    session: AsyncSession,
    action: str,
    client: Client,
    *,
    changes: dict[str, object] | None = None,
    reason: str | None = None,
) -> None:
    about = Resource("client", client.id, organisation_id=client.organisation_id)
    await record(session, action, about, changes=changes, reason=reason)
