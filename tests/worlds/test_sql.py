"""Direct SQL of the requests' role as each of the walled, and the mutation run: no wall is gone unnoticed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.models import metadata
from tests.worlds.cast import WALLED, S
from tests.worlds.conftest import Note
from tests.worlds.declassified import UNSEEN_POLICIES
from tests.worlds.mutations import CONDITIONS, Kit, Seer, undo, walls
from tests.worlds.sql import look, targets, unlike
from tests.worlds.worlds import Worlds

# Of one's own acts and declarations: see `declassified`.
OWN = {"w_late": {"select audit_entries", "select idempotency_records", "select declarations"}}
# In this order they notice most, soonest.
SEERS = ("w_officer", "w_auditor", "w_late", "w_expert", "w_committee", "insider", "machine")


@asynccontextmanager
async def kit(worlds: Worlds, checkpoint: str) -> AsyncIterator[Kit]:
    held = worlds.held[checkpoint]
    cast = worlds.common.cast
    async with (
        worlds.superuser(held["W0"]) as full,
        worlds.superuser(held["WJ"]) as unjudged,
        worlds.superuser(held["WV"]) as otherwise,
    ):
        seers = [Seer(cast[key].kind, cast[key].id) for key in SEERS]
        found = await targets(full, [cast[key].id for key in WALLED])
        hidden = await full.fetch("SELECT id FROM recusals WHERE region_code = $1 ORDER BY id LIMIT 2", S)
        acts = [
            f"SELECT gate.{name}(gen_random_uuid(), '{row['id']}', {arguments})"
            for row in hidden
            for name, arguments in (
                ("decide_recusal", "'rejected', '理由充分', NULL, now()"),
                ("lift_recusal", "'理由充分', NULL, now()"),
            )
        ]
        yield Kit(full, (unjudged, otherwise), [*seers, Seer("person", cast["w_case"].id, of_case=True)], found, acts)


@pytest.mark.wall
@pytest.mark.parametrize("checkpoint", ["reviewing", "before", "published"])
async def test_sql_of_the_walled_meets_nothing(worlds: Worlds, checkpoint: str, note: Note) -> None:
    await nothing_met(worlds, checkpoint)
    note(statements=sorted(table.name for table in metadata.sorted_tables))


async def nothing_met(worlds: Worlds, checkpoint: str) -> None:
    async with kit(worlds, checkpoint) as made:
        for key in WALLED:
            who = ("person", worlds.common.cast[key].id)
            full = await look(made.full, who, made.targets, acts=made.acts)
            assert not full.touched, (key, full.touched)
            for other in made.others:
                differing = set(unlike(full, await look(other, who, made.targets, acts=made.acts)))
                assert differing == OWN.get(key, set()), key
        case = await look(made.full, ("person", worlds.common.cast["w_case"].id), made.targets, of_case=True)
        assert not case.touched


@pytest.mark.wall
async def test_each_wall_is_missed(worlds: Worlds, note: Note) -> None:
    await walls_missed(worlds, "published", note)


async def walls_missed(worlds: Worlds, checkpoint: str, note: Note) -> None:
    """In the product as it stands, or behind a door that it does not have: a right that nobody is given today, or
    another wall before it that hides the same row (defence in depth)."""
    red, latent, unseen = [], [], []
    async with kit(worlds, checkpoint) as made:
        policies = await walls(made.full)
        for policy in policies:
            if await made.red(policy.removal, only=policy.table):
                red.append(str(policy))
            elif await made.red(policy.removal, door=policy.open_door(policies), only=policy.table):
                latent.append(str(policy))
            else:
                unseen.append(str(policy))
    note(policies=sorted(map(str, policies)), red=red, latent=latent, unseen=unseen)
    assert set(unseen) == set(UNSEEN_POLICIES)


@pytest.mark.wall
async def test_each_condition_is_missed(worlds: Worlds, note: Note) -> None:
    async with kit(worlds, "before") as made:
        red = [name for name in CONDITIONS if await made.red([await undo(made.full, name)])]
    note(conditions=list(CONDITIONS), **{"conditions red": red})
    assert red == list(CONDITIONS)
