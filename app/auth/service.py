"""Login, client credentials, refresh with rotation and reuse detection, revocation (RFC 6749, 7009, 9700).

A login is more than one transaction: the digest is verified without holding a connection, and a failure's
trace is committed before it is answered.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import passwords, repository
from app.auth.keys import KeyRing
from app.auth.principal import live_scopes
from app.auth.schemas import INACTIVE, Introspection, PasswordChange, TokenRequest, TokenResponse
from app.auth.scopes import SCOPES
from app.auth.tokens import Claims, TokenCodec, TokenRefused
from app.core import errors as e
from app.core.audit import Resource, audit
from app.core.config import Settings
from app.core.db import PUBLIC, Database, Entered, Entry, entered
from app.core.errors import DomainError, FieldError, Invalid

FIRST_PARTY = "liangshan"
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class InvalidGrant(DomainError):
    """Wrong user, wrong password, locked, disabled, used or unknown token: the answer is the same."""

    type = e.INVALID_GRANT


class InvalidClient(DomainError):
    type = e.INVALID_CLIENT

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Basic realm="liangshan"'})


class UnsupportedGrant(DomainError):
    type = e.UNSUPPORTED_GRANT


class InvalidScope(DomainError):
    type = e.INVALID_SCOPE


@dataclass(frozen=True, slots=True)
class _Client:
    """A client whose secret was right: its id, and the name that it logs in by."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class TokenService:
    """Issues tokens. Holds no state: database, keys and settings are the process's."""

    database: Database
    keys: KeyRing
    codec: TokenCodec
    settings: Settings

    @property
    def _now(self) -> datetime:
        return self.database.clock.now()

    async def by_password(self, request: TokenRequest) -> TokenResponse:
        """The password grant, for our own front ends. Raises `InvalidGrant` alike for every reason."""
        if not self.settings.password_grant:
            raise UnsupportedGrant
        username, password = _required(request.username, "username"), _required(request.password, "password")
        wanted = _asked_scopes(request.scope)
        async with self.database.transaction(PUBLIC) as session:
            found = await repository.login(session, username.strip().lower())
        verified = await passwords.verify_password(password, found.password_hash if found else None)
        now = self._now
        locked = found is not None and found.locked_until is not None and found.locked_until > now
        if found is None or not verified or locked or found.disabled:
            await self._login_failed(found.person_id if found else None)
            raise InvalidGrant
        person: UUID = found.person_id
        rehashed = await passwords.hash_password(password) if passwords.needs_rehash(found.password_hash) else None
        family, refresh = self.database.ids.random(), None
        async with self.database.transaction(Entry("person", person)) as session:
            granted = entered(session)
            if granted.rev is not None and await repository.login_succeeded(
                session, person, verified=found.password_hash, rehashed=rehashed, at=now
            ):
                refresh = await self._store_refresh(session, person, family, wanted, now)
                await audit(session, "auth.login", Resource("person", person), outcome="done")
        if refresh is None:
            await self._login_failed(person)
            raise InvalidGrant
        return await self._answer("person", person, FIRST_PARTY, granted, wanted, now, family, refresh)

    async def by_client(self, client_id: str | None, secret: str | None, scope: str | None) -> TokenResponse:
        """The client-credentials grant. Raises `InvalidClient` alike for every reason."""
        wanted = _asked_scopes(scope)
        client = await self._client(client_id, secret)
        async with self.database.transaction(Entry("client", client.id)) as session:
            await audit(session, "auth.client", Resource("client", client.id), outcome="done")
            granted = entered(session)
        return await self._answer("client", client.id, client.name, granted, wanted, self._now, None, None)

    async def introspect(self, client_id: str | None, secret: str | None, token: str) -> Introspection:
        """Whether an access token is accepted now (RFC 7662), to the client that it was issued to. Raises
        `InvalidClient`; a token of anybody else is as inactive as one that does not exist."""
        client = await self._client(client_id, secret)
        try:
            claims = await self.keys.verify(self.codec, token, int(self._now.timestamp()))
        except TokenRefused:
            return INACTIVE
        if (claims.kind, claims.subject) != ("client", client.id):
            return INACTIVE
        async with self.database.transaction(Entry("client", client.id)) as session:
            granted = entered(session)
        if granted.rev != claims.rev:
            return INACTIVE
        return Introspection(
            active=True,
            scope=" ".join(sorted(claims.scopes & live_scopes(granted))),
            client_id=client.name,
            sub=str(client.id),
            token_type="Bearer",  # noqa: S106 - the type, not a token
            iss=self.codec.issuer,
            aud=self.codec.audience,
            iat=claims.issued_at,
            exp=claims.expires_at,
            jti=str(claims.jti),
        )

    async def _client(self, client_id: str | None, secret: str | None) -> _Client:
        # Basic credentials come unbounded: what cannot be a client's name is not looked up.
        if not client_id or not secret or not _CLIENT_ID.fullmatch(client_id):
            raise InvalidClient
        async with self.database.transaction(PUBLIC) as session:
            found = await repository.client_login(session, client_id)
        digest = passwords.secret_digest(secret)
        matches = [passwords.same_digest(digest, known) for known in (found.digests if found else [""])]
        if found is None or found.disabled or not any(matches):
            await self._refused("auth.client", Resource("client", found.id if found else None))
            raise InvalidClient
        return _Client(found.id, client_id)

    async def by_refresh(self, request: TokenRequest) -> TokenResponse:
        """Rotate a refresh token. One that was used before ends its family, committed before the refusal."""
        digest = passwords.secret_digest(_required(request.refresh_token, "refresh_token"))
        narrower = _asked_scopes(request.scope)
        now = self._now
        # Its holder first, so that the holder's lock comes before the token's, as everywhere.
        async with self.database.transaction(PUBLIC) as session:
            person = await repository.refresh_holder(session, digest)
        if person is None:
            raise InvalidGrant
        refresh = None
        async with self.database.transaction(Entry("person", person)) as session:
            granted = entered(session)
            used = await repository.use_refresh(session, digest, now)
            bound = frozenset(used.bounded_to) if used.bounded_to is not None else None
            if used.outcome == "accepted" and granted.rev is not None:
                refresh = await self._store_refresh(session, person, used.family, bound, now)
            else:
                reason = used.outcome if granted.rev is not None else "disabled"
                await audit(session, "auth.refresh", Resource("person", person), outcome="denied", reason=reason)
        if refresh is None:
            raise InvalidGrant
        wanted = bound if narrower is None else narrower if bound is None else narrower & bound
        return await self._answer("person", person, FIRST_PARTY, granted, wanted, now, used.family, refresh)

    async def revoke(self, token: str) -> None:
        """End the login that the token belongs to (RFC 7009). An unknown token is no error."""
        now = self._now
        family = None
        if token.count(".") == 2:
            try:
                claims = await self.keys.verify(self.codec, token, int(now.timestamp()))
                family = claims.family
            except TokenRefused:
                return
        async with self.database.transaction(PUBLIC) as session:
            if family is not None:
                await repository.revoke_family(session, family, now)
            else:
                await repository.revoke_refresh(session, passwords.secret_digest(token), now)

    async def change_password(self, claims: Claims, change: PasswordChange) -> None:
        """Set an own new password; every other login of the person ends.

        Raises `InvalidToken`, `NotFound` for who has no account, and `Invalid`.
        """
        entry = Entry(claims.kind, claims.subject, family=claims.family)
        async with self.database.transaction(entry) as session:
            if entered(session).rev != claims.rev:
                raise e.InvalidToken
            account = await repository.person_with_account(session, claims.subject)
            if account is None or account.username is None:
                raise e.NotFound
            found = await repository.login(session, account.username)
        now = self._now
        verified = await passwords.verify_password(change.current_password, found.password_hash if found else None)
        locked = found is not None and found.locked_until is not None and found.locked_until > now
        if not verified or locked:
            await self._login_failed(claims.subject)
            raise Invalid(FieldError("/current_password", "invalid_value"))
        if passwords.password_weakness(change.new_password, account.username) is not None:
            raise Invalid(FieldError("/new_password", "weak_password"))
        hashed = await passwords.hash_password(change.new_password)
        async with self.database.transaction(entry) as session:
            await repository.set_password(session, claims.subject, hashed, now, kept_family=claims.family)
            await audit(session, "auth.password", Resource("person", claims.subject), outcome="done")

    async def _store_refresh(
        self,
        session: AsyncSession,
        person: UUID,
        family: UUID,
        scopes: frozenset[str] | None,
        now: datetime,
    ) -> str:
        secret = passwords.new_secret()
        await repository.store_refresh(
            session,
            token=self.database.ids.random(),
            family=family,
            person=person,
            digest=passwords.secret_digest(secret),
            scopes=sorted(scopes) if scopes is not None else None,
            at=now,
            until=now + timedelta(days=self.settings.refresh_token_days),
        )
        return secret

    async def _answer(
        self,
        kind: str,
        subject: UUID,
        client_id: str,
        granted: Entered,
        wanted: frozenset[str] | None,
        now: datetime,
        family: UUID | None,
        refresh: str | None,
    ) -> TokenResponse:
        if granted.rev is None:
            raise InvalidGrant
        live = live_scopes(granted)
        scopes = live if wanted is None else live & wanted
        key = await self.keys.signing_key()
        token = self.codec.issue(
            key,
            subject=subject,
            kind="client" if kind == "client" else "person",
            client_id=client_id,
            scopes=scopes,
            rev=granted.rev,
            jti=self.database.ids.random(),
            now=int(now.timestamp()),
            family=family,
        )
        return TokenResponse(
            access_token=token,
            token_type="Bearer",  # noqa: S106 - the type, not a token
            expires_in=self.codec.lifetime_seconds,
            refresh_token=refresh,
            scope=" ".join(sorted(scopes)),
        )

    async def _login_failed(self, person: UUID | None) -> None:
        # One transaction whether or not the account exists: two would take longer, and tell.
        async with self.database.transaction(PUBLIC) as session:
            if person is not None:
                await repository.login_failed(session, person, self._now)
            await audit(session, "auth.login", Resource("person", person), outcome="failed")

    async def _refused(self, action: str, resource: Resource) -> None:
        async with self.database.transaction(PUBLIC) as session:
            await audit(session, action, resource, outcome="failed")


def _required(value: str | None, name: str) -> str:
    if not value:
        raise Invalid(FieldError(f"/{name}", "required"))
    return value


def _asked_scopes(text: str | None) -> frozenset[str] | None:
    """None where nothing was asked: all that is granted. Raises `InvalidScope` for a scope that does not exist."""
    if text is None or not text.strip():
        return None
    asked = frozenset(text.split())
    if not asked <= SCOPES.keys():
        raise InvalidScope
    return asked
