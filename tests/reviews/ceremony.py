"""The ceremony of a draw's seed, as the two who hold the shares go through it."""

import hashlib
from typing import Any

from tests.world import Actor

SHARES = {"office": "0a" * 32, "committee": "0b" * 48}


async def commit(actor: Actor, place: str, party: str) -> None:
    await _step(actor, place, "commit", party, commitment=hashlib.sha256(SHARES[party].encode()).hexdigest())


async def open_share(actor: Actor, place: str, party: str) -> None:
    await _step(actor, place, "open", party, share=SHARES[party])


async def ceremony(office: Actor, committee: Actor, place: str) -> None:
    """Both commit, then both open: from here on the panels of the cycle or round can be drawn."""
    for step in (commit, open_share):
        await step(office, place, "office")
        await step(committee, place, "committee")


async def _step(actor: Actor, place: str, action: str, party: str, **stated: Any) -> None:
    answer = await actor.act(f"{place}/draw-seed", action, {"party": party, **stated})
    assert answer.status_code == 200, answer.text
