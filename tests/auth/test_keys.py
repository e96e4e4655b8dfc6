"""The key set over HTTP, rotation without a break, and every hostile token refused in one way."""

import json
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.auth import keys
from app.auth.keys import KeyRing
from app.auth.tokens import SigningKey
from app.core.config import Settings
from app.models.identity import Role
from tests.auth.test_login import login, me
from tests.forge import HOSTILE, Hostile, claims_of, decode, forge, header_for
from tests.ground import SECRET
from tests.world import World


def _kid(token: str) -> str:
    return str(json.loads(decode(token.split(".", maxsplit=1)[0]))["kid"])


async def _rotate(world: World) -> str:
    async with world.admin.administration() as session:
        return await keys.rotate(session, SECRET, world.api.state.database.clock.now())


def _age(api: FastAPI, seconds: float) -> None:
    """As if the ring had been read so long ago."""
    ring: KeyRing = api.state.keys
    ring._read_at -= seconds


async def test_the_key_set_holds_public_halves_only(http: AsyncClient, world: World) -> None:
    await world.person(username="officer")
    answer = await http.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=60"
    [key] = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert key["kid"] == _kid((await login(http)).json()["access_token"])
    [row] = await world.rows("SELECT sealed_private_key FROM signing_keys")
    assert "ENCRYPTED" in row.sealed_private_key


async def test_the_metadata_leads_to_routes_that_are_there(http: AsyncClient, settings: Settings) -> None:
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == settings.public_url
    for name in ("token_endpoint", "revocation_endpoint", "jwks_uri"):
        path = metadata[name].removeprefix(settings.public_url)
        assert (await http.head(path)).status_code in {200, 405}
    assert metadata["grant_types_supported"] == ["password", "client_credentials", "refresh_token"]
    assert "plans:file" in metadata["scopes_supported"]


async def test_rotation_breaks_no_login(world: World, http: AsyncClient, api: FastAPI) -> None:
    await world.person(Role.LEAGUE_OFFICE, username="officer")
    old = (await login(http)).json()["access_token"]
    kid = await _rotate(world)
    # Other processes read the ring anew within a minute; until then they sign with the old key.
    _age(api, 61)
    new = (await login(http)).json()["access_token"]
    assert (_kid(new), _kid(old) != kid) == (kid, True)
    for token in (old, new):
        assert (await me(http, token)).status_code == 200
    published = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert {key["kid"] for key in published} == {_kid(old), kid}


async def test_the_ring_is_read_once_a_minute_not_once_a_request(world: World, http: AsyncClient, api: FastAPI) -> None:
    await world.person(username="officer")
    token = (await login(http)).json()["access_token"]
    with world.counting() as sent:
        for _ in range(3):
            assert (await me(http, token)).status_code == 200
            assert (await http.get("/.well-known/jwks.json")).status_code == 200
            assert (await login(http)).status_code == 200
    assert not any("signing_keys" in statement for statement in sent)
    # A key that is not known may have been made meanwhile; whatever else is wrong with a token, reading does not help.
    _age(api, 6)
    with world.counting() as sent:
        assert (await me(http, "nonsense")).status_code == 401
    assert sent == []
    before = await _signing_key(api)
    _age(api, 61)
    with world.counting() as sent:
        assert (await http.get("/.well-known/jwks.json")).status_code == 200
        assert (await me(http, token)).status_code == 200
    assert sum("signing_keys" in statement for statement in sent) == 1
    # What was opened once is not opened again: that is slow on purpose.
    assert await _signing_key(api) is before


async def test_a_token_of_a_key_not_yet_seen_is_looked_up(world: World, http: AsyncClient, api: FastAPI) -> None:
    """Another process rotated a moment ago: its tokens work here at once, but not a lookup for every wrong kid."""
    officer = await world.person(username="officer")
    ring: KeyRing = api.state.keys
    await ring.reload()
    await _rotate(world)
    foreign = KeyRing(api.state.database, SECRET)
    token = api.state.codec.issue(
        await foreign.signing_key(),
        subject=officer.id,
        kind="person",
        client_id="liangshan",
        scopes=frozenset(),
        rev=await world.rev(officer),
        jti=uuid4(),
        now=int(api.state.database.clock.now().timestamp()),
    )
    assert (await me(http, token)).status_code == 401
    _age(api, 6)
    assert (await me(http, token)).status_code == 200


async def test_a_revoked_key_stops_within_the_minute(world: World, http: AsyncClient, api: FastAPI) -> None:
    await world.person(username="officer")
    old = (await login(http)).json()["access_token"]
    await _rotate(world)
    async with world.admin.administration() as session:
        assert await keys.revoke(session, _kid(old))
        assert not await keys.revoke(session, _kid(old))
        assert not await keys.revoke(session, "never-was")
    _age(api, 61)
    assert (await me(http, old)).status_code == 401
    assert (await me(http, (await login(http)).json()["access_token"])).status_code == 200
    published = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert _kid(old) not in {key["kid"] for key in published}


async def test_the_active_key_is_not_revoked_by_mistake(world: World) -> None:
    kid = await _rotate(world)
    async with world.admin.administration() as session:
        assert not await keys.revoke(session, kid)


async def _signing_key(api: FastAPI) -> SigningKey:
    ring: KeyRing = api.state.keys
    return await ring.signing_key()


async def test_the_good_token_that_the_hostile_are_made_of_is_good(
    world: World, http: AsyncClient, api: FastAPI
) -> None:
    officer = await world.person(Role.LEAGUE_OFFICE)
    key = await _signing_key(api)
    assert key.private_pem is not None
    token = forge(header_for(key), claims_of(officer.token), key.private_pem)
    assert (await me(http, token)).status_code == 200


async def test_a_good_token_counts_under_its_own_scheme_only(world: World, http: AsyncClient) -> None:
    token = (await world.person(Role.LEAGUE_OFFICE)).token
    for header in (
        f"Basic {token}",
        f"Token {token}",
        f"Bearer{token}",
        token,
        "Bearer",
        "Bearer ",
        f"a Bearer {token}",
    ):
        assert (await http.get("/v1/me", headers={"Authorization": header})).status_code == 401, header
    assert (await http.get("/v1/me", headers={"Authorization": f"bearer {token}"})).status_code == 200


@pytest.fixture
async def refused(http: AsyncClient) -> tuple[int, bytes, Any]:
    answer = await http.get("/v1/me", headers={"X-Request-Id": "the-same-id", "Authorization": "Bearer nonsense"})
    return answer.status_code, answer.content, sorted(answer.headers.items())


async def test_every_hostile_token_is_the_same_401(
    world: World, http: AsyncClient, api: FastAPI, refused: tuple[int, bytes, Any]
) -> None:
    officer = await world.person(Role.LEAGUE_OFFICE)
    key = await _signing_key(api)
    good = claims_of(officer.token)
    assert refused[0] == 401
    hostile: list[tuple[str, Hostile]] = HOSTILE
    assert len(hostile) > 80
    for name, make in hostile:
        token = make(key, good)
        answer = await http.get("/v1/me", headers={"X-Request-Id": "the-same-id", "Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.content, sorted(answer.headers.items())) == refused, name


async def test_a_good_token_of_somebody_unknown_or_stale_is_the_same_401(
    world: World, http: AsyncClient, api: FastAPI, refused: tuple[int, bytes, Any]
) -> None:
    """Signed by us and well-formed: what the gate does not know, or knows better, is refused alike."""
    officer = await world.person(Role.LEAGUE_OFFICE)
    machine = await world.machine("152501")
    now = int(api.state.database.clock.now().timestamp())
    key, codec = await _signing_key(api), api.state.codec
    common = {"client_id": "liangshan", "scopes": frozenset({"directory:read"}), "jti": uuid4(), "now": now}
    rev = await world.rev(officer)
    tokens = [
        codec.issue(key, subject=uuid4(), kind="person", rev=1, **common),
        codec.issue(key, subject=officer.id, kind="client", rev=rev, **common),
        codec.issue(key, subject=machine.id, kind="person", rev=await world.rev(machine), **common),
        codec.issue(key, subject=officer.id, kind="person", rev=rev + 1, **common),
        codec.issue(key, subject=officer.id, kind="person", rev=rev - 1, **common),
        codec.issue(key, subject=officer.id, kind="person", rev=rev, **{**common, "now": now - 3600}),
        codec.issue(key, subject=officer.id, kind="person", rev=2**62, **common),
    ]
    for token in tokens:
        answer = await http.get("/v1/me", headers={"X-Request-Id": "the-same-id", "Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.content, sorted(answer.headers.items())) == refused


async def test_a_ring_sealed_with_another_secret_still_answers(world: World, settings: Settings) -> None:
    """Its keys verify by their public halves; there is none to sign with, and that is said by name."""
    ring = KeyRing(world.api.state.database, "another-secret-that-opens-nothing-at-all")
    assert len(await ring.public_keys()) == 1
    with pytest.raises(keys.NoSigningKeyError):
        await ring.signing_key()
