"""The one script that all worlds play, in steps: over HTTP, never by deletion. A world leaves steps out or plays them
otherwise; nothing else of it differs.

W0 is full. WJ: S is never drawn, scored or appraised. WV: S is judged otherwise. WP: another panel, the same result.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.worlds.replay import Replay

Play = Callable[[Replay], Awaitable[None]]
WORLDS = ("W0", "WJ", "WV", "WP")
# Up to here all worlds are one.
COMMON = "common"
SCRIPT: list["Step"] = []


@dataclass(frozen=True, slots=True)
class Step:
    """`worlds`: those that play it. `checkpoint`: the worlds are held still, and compared, after it."""

    name: str
    play: Play
    worlds: tuple[str, ...]
    checkpoint: str | None


def step(*worlds: str, checkpoint: str | None = None) -> Callable[[Play], Play]:
    """The next step of the script; of all worlds, or of those named."""

    def add(play: Play) -> Play:
        name = getattr(play, "__name__", "")
        assert name not in {known.name for known in SCRIPT}, f"two steps are called {name}"
        SCRIPT.append(Step(name, play, worlds or WORLDS, checkpoint))
        return play

    return add


async def play(replay: Replay, *, after: str | None = None, until: str) -> None:
    """The steps behind the checkpoint `after`, to the checkpoint `until`."""
    reached = after is None
    for position, one in enumerate(SCRIPT):
        if reached and replay.name in one.worlds:
            replay.at(position, one.name)
            await one.play(replay)
        if one.checkpoint == until:
            return
        reached = reached or one.checkpoint == after
    raise AssertionError(f"no step of the script reaches {until}")
