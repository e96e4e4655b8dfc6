"""Every unsafe operation by everybody who is walled: nothing to be learnt from how it is refused."""

import pytest

from tests.worlds.asking import Document
from tests.worlds.canaries import canaries
from tests.worlds.comparison import Heard, Tally
from tests.worlds.conftest import Note
from tests.worlds.declassified import allowed
from tests.worlds.observers import OBSERVERS, Observer
from tests.worlds.probing import Probing
from tests.worlds.test_reads import told
from tests.worlds.worlds import Worlds

pytestmark = pytest.mark.wall
WALLED = [observer for observer in OBSERVERS if observer.walled]


@pytest.mark.parametrize("observer", WALLED, ids=lambda observer: observer.key)
@pytest.mark.parametrize("checkpoint", ["before", "published"])
async def test_hidden_is_refused_like_absent(worlds: Worlds, observer: Observer, checkpoint: str, note: Note) -> None:
    if checkpoint == "published" and observer.key not in {"w_both", "w_committee"}:
        pytest.skip("the widest of the walled stand for all once it is published")
    probing, tally, heard = await probed(worlds, observer, checkpoint)
    leaks = [one for one in tally.differences if not allowed(one.observer, one.ask.operation)]
    note(
        operations=sorted(tally.operations),
        variants=sorted(tally.variants),
        requests=tally.requests,
        probes=tally.requests,
        restored=probing.restored,
        canaries=sorted(heard.canaries),
        bytes=heard.searched,
    )
    assert not leaks, told(leaks)
    assert not heard.found, heard.found[:6]


async def probed(worlds: Worlds, observer: Observer, checkpoint: str) -> tuple[Probing, Tally, Heard]:
    names = observer.equal[checkpoint]
    held = worlds.held[checkpoint]
    made = [await worlds.copy(held[name]) for name in names]
    tally = Tally()
    async with worlds.superuser(held["W0"]) as full, worlds.superuser(held["WV"]) as otherwise:
        own = worlds.common.cast["w_late"].id if observer.key == "w_late" else None
        heard = Heard(await canaries([full, otherwise], but_of=own))
        document = await Document.of(worlds.apis[names[0]].openapi(), full)
    async with worlds.all_opened(list(zip(made, names, strict=True))) as replays:
        probing = Probing(
            observer.key,
            replays,
            tally,
            heard=heard,
            made_by=worlds,
            sources=[(held[name], database) for name, database in zip(names, made, strict=True)],
        )
        await probing.probe(document.probes())
    for database in made:
        await worlds.ground.drop(database)
    return probing, tally, heard
