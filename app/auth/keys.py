"""The ring of signing keys: kept in the database, so that any number of processes share them."""

import asyncio
import secrets
import time
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.tokens import Claims, SigningKey, TokenCodec, TokenRefused
from app.core.db import PUBLIC, Database
from app.models.identity import SigningKeyRecord

_FRESH_SECONDS = 60.0
_RETRY_SECONDS = 5.0


class NoSigningKeyError(Exception):
    """No active key can be opened: none was made, or it was sealed with another SECRET_KEY."""


class KeyRing:
    """Keys by `kid`. Read again when old (a revoked key stops within a minute) and when a kid is unknown."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._secret = secret
        self._keys: dict[str, SigningKey] = {}
        self._active: str | None = None
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def verify(self, codec: TokenCodec, token: str, now: int) -> Claims:
        """The token's claims. Raises `TokenRefused`; an unknown kid is looked up once more, not too often."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            await self.reload()
        try:
            return codec.verify(token, self._keys, now)
        except TokenRefused as refused:
            if refused.reason != "kid" or time.monotonic() - self._read_at < _RETRY_SECONDS:
                raise
            await self.reload()
            return codec.verify(token, self._keys, now)

    async def public_keys(self) -> list[SigningKey]:
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            await self.reload()
        return list(self._keys.values())

    async def signing_key(self) -> SigningKey:
        if time.monotonic() - self._read_at > _FRESH_SECONDS or self._active is None:
            await self.reload()
        if self._active is None:
            raise NoSigningKeyError
        return self._keys[self._active]

    async def reload(self) -> None:
        async with self._lock:
            async with self._database.transaction(PUBLIC) as session:
                rows = (await session.execute(text("SELECT * FROM gate.signing_keys()"))).all()
            keys: dict[str, SigningKey] = {}
            active = None
            for row in rows:
                # Opening a sealed key is slow on purpose: do it once for each key.
                keys[row.kid] = self._keys.get(row.kid) or self._opened(row)
                if row.state == "active" and active is None and keys[row.kid].private_pem is not None:
                    active = row.kid
            self._keys, self._active, self._read_at = keys, active, time.monotonic()

    def _opened(self, row: Row[Any]) -> SigningKey:
        """The key pair, or its public half where it was sealed with another SECRET_KEY: that still verifies."""
        try:
            return SigningKey.unseal(row.kid, row.sealed_private_key, self._secret)
        except ValueError:
            return SigningKey(row.kid, None, row.public_jwk)


async def rotate(session: AsyncSession, secret: str, now: datetime) -> str:
    """Make a new active key; the one before goes on verifying until it is revoked. Worker's session."""
    kid = f"{now:%Y%m%d}-{secrets.token_hex(4)}"
    key = SigningKey.generate(kid)
    await session.execute(
        update(SigningKeyRecord).where(SigningKeyRecord.state == "active").values(state="retiring", retires_at=now)
    )
    session.add(
        SigningKeyRecord(
            kid=kid,
            sealed_private_key=key.seal(secret),
            public_jwk=key.public_jwk,
            state="active",
            created_at=now,
            retires_at=None,
        )
    )
    return kid


async def ensure(session: AsyncSession, secret: str, now: datetime) -> None:
    """Make the first key where there is none. Worker's session."""
    # Two machines that are set up together make one key.
    await session.execute(text("SELECT pg_advisory_xact_lock(7204811003)"))
    found = await session.scalar(select(SigningKeyRecord.kid).where(SigningKeyRecord.state == "active").limit(1))
    if found is None:
        await rotate(session, secret, now)


async def revoke(session: AsyncSession, kid: str) -> bool:
    """Stop trusting a retiring key's tokens at once; False where there is no such retiring key."""
    result = await session.execute(
        update(SigningKeyRecord)
        .where(SigningKeyRecord.kid == kid, SigningKeyRecord.state == "retiring")
        .values(state="revoked")
        .returning(SigningKeyRecord.kid)
    )
    return result.first() is not None
