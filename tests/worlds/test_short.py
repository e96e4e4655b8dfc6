"""The short form of `make wall`: the widest of the walled, before disclosure, in three worlds."""

import pytest

from tests.worlds.asking import Document
from tests.worlds.canaries import canaries
from tests.worlds.comparison import Heard, Looking, Tally
from tests.worlds.conftest import Note
from tests.worlds.declassified import allowed
from tests.worlds.observers import OBSERVERS
from tests.worlds.test_document import uncovered
from tests.worlds.test_reads import told
from tests.worlds.test_sql import nothing_met
from tests.worlds.worlds import Worlds, copies

SHORT = [observer for observer in OBSERVERS if observer.key in {"w_both", "w_auditor"}]


@pytest.mark.parametrize("observer", SHORT, ids=lambda observer: observer.key)
async def test_worlds_look_the_same(three_worlds: Worlds, observer: object, note: Note) -> None:
    [chosen] = [one for one in SHORT if one == observer]
    held = three_worlds.held["before"]
    tally = Tally()
    async with copies(three_worlds, "before", ("W0", "WJ", "WV")) as replays:
        async with three_worlds.superuser(held["W0"]) as full, three_worlds.superuser(held["WV"]) as otherwise:
            document = await Document.of(replays[0].api.openapi(), full)
            heard = Heard(await canaries([full, otherwise]))
        asks = [ask for ask in document.reads() if not ask.narrows and ask.method == "GET"]
        await Looking(chosen.key, replays, tally, heard=heard).read(asks)
    leaks = [one for one in tally.differences if not allowed(one.observer, one.ask.operation)]
    assert not leaks, told(leaks)
    assert not heard.found, heard.found[:6]


async def test_sql_of_the_walled_meets_nothing(three_worlds: Worlds) -> None:
    await nothing_met(three_worlds, "before")


async def test_no_operation_is_left_out(three_worlds: Worlds) -> None:
    _, missing = await uncovered(three_worlds, "before")
    assert not missing
