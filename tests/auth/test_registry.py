"""What the commands make leaves the trace that the routes leave, and no secret in it."""

import asyncio
from uuid import UUID

from app.auth import passwords, registry
from app.core.db import Entry
from app.models.identity import Role
from tests.world import World


async def _traces(world: World, resource: UUID) -> list[tuple[object, ...]]:
    rows = await world.rows(
        "SELECT action, outcome, actor_kind, actor_id, resource_kind, changes FROM audit_entries "
        "WHERE resource_id = :id ORDER BY action",
        id=resource,
    )
    return [tuple(row) for row in rows]


async def test_people_accounts_and_grants_are_audited(world: World) -> None:
    officer = await world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"), username="officer")
    made = ("done", "system", None, "person")
    grants = sorted(({"role": "league_office"}, {"role": "region_editor"}), key=str)
    traces = await _traces(world, officer.id)
    assert [trace[:-1] for trace in traces] == [
        ("accounts.create", *made),
        ("grants.create", *made),
        ("grants.create", *made),
        ("people.create", *made),
    ]
    assert sorted((trace[-1] for trace in traces if trace[0] == "grants.create"), key=str) == grants
    [account] = await world.rows("SELECT is_demo FROM accounts WHERE person_id = :id", id=officer.id)
    assert account.is_demo is False


async def test_a_grant_waits_for_what_its_person_has_under_way(world: World) -> None:
    officer = await world.person()
    async with world.api.state.database.transaction(Entry("person", officer.id)):
        granting = asyncio.create_task(_grant(world, officer.id))
        await asyncio.sleep(0.3)
        assert not granting.done()
    await granting


async def _grant(world: World, person: UUID) -> None:
    async with world.admin.administration() as session:
        await registry.add_grant(session, person, Role.LEAGUE_OFFICE)


async def test_a_client_is_in_effect_at_once_and_only_its_digest_is_kept(world: World) -> None:
    machine = await world.machine("152502", "152501")
    assert await _traces(world, machine.id) == [("clients.create", "done", "system", None, "client", {})]
    [client] = await world.rows("SELECT * FROM clients WHERE id = :id", id=machine.id)
    assert client.regions == client.requested_regions == ["152501", "152502"]
    assert (client.scopes, client.is_demo) == (client.requested_scopes, False)
    [secret] = await world.rows("SELECT digest, revoked_at FROM client_secrets WHERE client_id = :id", id=machine.id)
    assert tuple(secret) == (passwords.secret_digest(machine.secret or ""), None)
