"""Who and what a test needs: people with grants, clients of other systems, organisations, walls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import event, select, text

from app.auth import passwords, registry
from app.auth.keys import KeyRing
from app.auth.principal import live_scopes
from app.auth.scopes import CLIENT_SCOPES
from app.auth.tokens import TokenCodec
from app.core.config import Settings
from app.core.db import Database, Entry, entered
from app.models.directory import Organisation
from app.models.identity import Principal, Role
from app.worker import ABANDONED, ERRANDS, HANDLERS, SUBSCRIBERS, Worker
from tests.contract import in_process

PASSWORD = "Xilingol-Steppe-2026"


@dataclass
class Actor:
    """A principal with an HTTP client that carries its token. Each POST gets a key of its own unless given."""

    id: UUID
    kind: str
    client: AsyncClient
    token: str
    secret: str | None = None
    client_id: str = "liangshan"
    extra: dict[str, Any] = field(default_factory=dict)

    async def get(self, path: str, **options: Any) -> Response:
        return await self.client.get(path, **options)

    async def post(
        self, path: str, body: Any = None, *, key: str | None = None, etag: str | None = None, **options: Any
    ) -> Response:
        headers = {"Idempotency-Key": key or uuid4().hex, **options.pop("headers", {})}
        if etag is not None:
            headers["If-Match"] = etag
        if body is not None:
            options["json"] = body
        return await self.client.post(path, headers=headers, **options)

    async def patch(self, path: str, body: Any, *, etag: str | None = None, **options: Any) -> Response:
        headers = {"If-Match": etag} if etag is not None else {}
        return await self.client.patch(path, json=body, headers=headers, **options)

    async def delete(self, path: str, *, etag: str | None = None) -> Response:
        return await self.client.delete(path, headers={"If-Match": etag} if etag is not None else {})

    async def act(self, path: str, action: str, body: Any = None) -> Response:
        """A transition with the resource's present ETag."""
        shown = await self.get(path)
        assert shown.status_code == 200, shown.text
        return await self.post(f"{path}/{action}", body, etag=shown.headers["etag"])


class _LoudWorker(Worker):
    """A job that fails fails the test, with its own traceback; a real worker would try it again later."""

    async def _put_back(self, job_id: UUID, claim: UUID, error: Exception) -> None:  # noqa: ARG002
        raise error


class World:
    """Makes what a test needs through the same code as the commands, and issues really signed tokens."""

    def __init__(self, api: FastAPI, settings: Settings) -> None:
        self.api = api
        self.settings = settings
        self.admin = Database(settings.worker_url, clock=api.state.database.clock, pool_size=2)
        self._clients: list[AsyncClient] = []
        self._owners: dict[str, UUID] = {}

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self.admin.dispose()

    async def person(
        self,
        *roles: Role | tuple[Role, str | UUID],
        name: str = "示例人员",
        username: str | None = None,
        scopes: frozenset[str] | None = None,
    ) -> Actor:
        """A person with these grants: `Role.LEAGUE_OFFICE`, `(Role.REGION_EDITOR, "152501")`."""
        async with self.admin.administration() as session:
            person = await registry.add_person(session, name)
            for role in roles:
                kind, bound = role if isinstance(role, tuple) else (role, None)
                await registry.add_grant(
                    session,
                    person.id,
                    kind,
                    region_code=bound if isinstance(bound, str) else None,
                    organisation_id=bound if isinstance(bound, UUID) else None,
                )
            if username is not None:
                hashed = await passwords.hash_password(PASSWORD)
                await registry.add_account(session, person.id, username, hashed)
        return await self._actor("person", person.id, "liangshan", scopes)

    async def machine(
        self, *regions: str, source: str = "province-projects", scopes: frozenset[str] = CLIENT_SCOPES
    ) -> Actor:
        """Another system, registered for these regions."""
        # A source system belongs to one organisation.
        organisation = self._owners.get(source) or await self.organisation(region_code="152500")
        self._owners[source] = organisation
        client_id, secret = f"client-{uuid4().hex[:8]}", passwords.new_secret()
        async with self.admin.administration() as session:
            client = await registry.add_client(
                session,
                client_id,
                name="示例来源系统",
                organisation_id=organisation,
                source_system=source,
                regions=regions,
                secret=secret,
            )
        actor = await self._actor("client", client.id, client_id, scopes)
        actor.secret = secret
        return actor

    async def organisation(
        self, name: str | None = None, *, region_code: str = "152501", kind: str = "enterprise", **more: Any
    ) -> UUID:
        async with self.admin.administration() as session:
            organisation = Organisation(
                id=uuid4(),
                name=name or f"示例单位{uuid4().hex[:6]}（示例）",
                kind=kind,
                region_code=region_code,
                no_code_reason="示例" if "credit_code" not in more else None,
                charge_modes=more.pop("charge_modes", []),
                **more,
            )
            session.add(organisation)
        return organisation.id

    async def wall(self, actor: Actor, subject: str) -> None:
        """Raise a wall as the worker would, and renew the actor's token (the old one stops at once)."""
        async with self.admin.administration() as session:
            await registry.lock(session, actor.id)
            now = self.api.state.database.clock.now()
            await session.execute(text("SELECT gate.put_wall(:p, :s, :at)"), {"p": actor.id, "s": subject, "at": now})
        await self.renew(actor)

    async def renew(self, actor: Actor, scopes: frozenset[str] | None = None) -> str:
        """A new token for what the actor may do now; its client carries it from here on."""
        actor.token = await self.token(actor.kind, actor.id, actor.client_id, scopes)
        actor.client.headers["Authorization"] = f"Bearer {actor.token}"
        return actor.token

    async def token(self, kind: str, principal: UUID, client_id: str, scopes: frozenset[str] | None = None) -> str:
        database: Database = self.api.state.database
        ring: KeyRing = self.api.state.keys
        codec: TokenCodec = self.api.state.codec
        async with database.transaction(Entry(kind, principal)) as session:  # type: ignore[arg-type]
            answer = entered(session)
        assert answer.rev is not None
        live = live_scopes(answer)
        return codec.issue(
            await ring.signing_key(),
            subject=principal,
            kind=kind,  # type: ignore[arg-type]
            client_id=client_id,
            scopes=live if scopes is None else live & scopes,
            rev=answer.rev,
            jti=uuid4(),
            now=int(database.clock.now().timestamp()),
        )

    async def rev(self, actor: Actor) -> int:
        async with self.admin.administration() as session:
            found = await session.scalar(select(Principal.rev).where(Principal.id == actor.id))
        assert found is not None
        return found

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The statements that requests send meanwhile: a list must not send more of them for more rows."""
        sent: list[str] = []

        def on_execute(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            sent.append(statement)

        engine = self.api.state.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", on_execute)
        try:
            yield sent
        finally:
            event.remove(engine, "before_cursor_execute", on_execute)

    async def drain(self) -> int:
        """Let the worker do all that is due: jobs and events, also those that they ask for in turn."""
        return await _LoudWorker(self.admin, HANDLERS, SUBSCRIBERS, ERRANDS, ABANDONED, self.api.state.database).drain()

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        """What really stands in the database, as the worker sees it."""
        async with self.admin.administration() as session:
            return list((await session.execute(text(statement), values)).all())

    async def _actor(self, kind: str, principal: UUID, client_id: str, scopes: frozenset[str] | None) -> Actor:
        token = await self.token(kind, principal, client_id, scopes)
        client = AsyncClient(
            transport=in_process(self.api),
            base_url="http://liangshan.test",
            headers={"Authorization": f"Bearer {token}"},
        )
        self._clients.append(client)
        return Actor(principal, kind, client, token, client_id=client_id)
