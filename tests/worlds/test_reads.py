"""Every read of the document, by everybody, in all worlds: byte for byte the same where it must be."""

import pytest

from tests.worlds.asking import Ask, Document
from tests.worlds.canaries import canaries
from tests.worlds.comparison import Difference, Heard, Looking, Tally
from tests.worlds.conftest import Note
from tests.worlds.declassified import allowed
from tests.worlds.observers import CONTROL, OBSERVERS, Observer
from tests.worlds.worlds import CHECKPOINTS, Worlds, copies

pytestmark = pytest.mark.wall
# Whoever is not here is asked for the plain reads and the pages only, and so is everybody at other checkpoints.
THOROUGH = frozenset({"editor.152501", "insider", "editor.152502", "department", "machine"})
LOOKS = [
    (observer, checkpoint)
    for observer in OBSERVERS
    for checkpoint in CHECKPOINTS
    # In the middle of the review only who is walled, or staff of S, is asked as well.
    if checkpoint != "reviewing" or observer.walled or "152501" in observer.key or observer.key == "insider"
]


def _asked(asks: list[Ask], observer: Observer, checkpoint: str) -> list[Ask]:
    if checkpoint == "before" and (observer.walled or observer.key in THOROUGH):
        return asks
    if checkpoint == "published" and observer.key in {"w_both", "w_officer", "w_auditor", "w_abroad"}:
        return asks
    return [ask for ask in asks if not ask.narrows or ask.follows]


def told(differences: list[Difference]) -> str:
    return f"{len(differences)} differences\n" + "\n".join(map(str, differences[:6]))


@pytest.mark.parametrize(("observer", "checkpoint"), LOOKS, ids=[f"{who.key}-{when}" for who, when in LOOKS])
async def test_worlds_look_the_same(worlds: Worlds, observer: Observer, checkpoint: str, note: Note) -> None:
    names = observer.equal[checkpoint]
    held = worlds.held[checkpoint]
    tally = Tally()
    async with copies(worlds, checkpoint, names) as replays:
        async with worlds.superuser(held["W0"]) as full, worlds.superuser(held["WV"]) as otherwise:
            document = await Document.of(replays[0].api.openapi(), full)
            own = worlds.common.cast["w_late"].id if observer.key == "w_late" else None
            sought = await canaries([full, otherwise], but_of=own, names=observer.key == "w_expert")
            # What is opened with the publication is everybody's to read.
            opened = await full.fetchval("SELECT string_agg(content::text, ' ') FROM draw_records") or ""
            sought = {one: what for one, what in sought.items() if one not in opened}
        heard = Heard(sought) if observer.walled else None
        asks = _asked(list(document.reads()), observer, checkpoint)
        await Looking(observer.key, replays, tally, heard=heard).read(asks)
    leaks = [one for one in tally.differences if not allowed(one.observer, one.ask.operation)]
    used = {f"{one.observer}: {one.ask.operation}" for one in tally.differences} if not leaks else set()
    note(
        operations=sorted(tally.operations),
        variants=sorted(tally.variants),
        requests=tally.requests,
        worlds=list(names),
        observers=[observer.key],
        checkpoints=[checkpoint],
        declassified=sorted(used),
        canaries=sorted(heard.canaries) if heard else [],
        bytes=heard.searched if heard else 0,
    )
    assert not leaks, told(leaks)
    assert not heard or not heard.found, heard.found[:6]


async def test_who_is_not_walled_sees_the_worlds_differ(worlds: Worlds, note: Note) -> None:
    """Or all of this would be equal because there is nothing to see."""
    tally = Tally()
    async with copies(worlds, "before", ("W0", "WJ")) as replays:
        async with worlds.superuser(worlds.held["before"]["W0"]) as full:
            document = await Document.of(replays[0].api.openapi(), full)
            heard = Heard(await canaries([full]))
        look = Looking(CONTROL, replays, tally, heard=heard)
        await look.read(ask for ask in document.reads() if not ask.narrows)
    differing = sorted(tally.differing[CONTROL])
    note(**{"control differs in": differing, "worlds": ["W0", "WJ"]})
    # Each canary is a bird that sings, but what is sealed also from the office and what only WV says.
    sung = {one.rsplit(": ", 1)[1] for one in heard.found}
    assert len(sung) >= 25, sorted(sung)
