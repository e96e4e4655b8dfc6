"""Every unsafe operation, tried in clones of the worlds: hidden or absent, the walled get one answer, in every world.

What succeeds is undone before the next try: the clones are made anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.worlds.asking import Ask
from tests.worlds.comparison import Answer, Heard, Looking, Tally, tokens_of
from tests.worlds.replay import Replay
from tests.worlds.worlds import Worlds


class Probing(Looking):
    """One observer, who tries to change what is not theirs. `sources`: what each world is made of anew."""

    def __init__(
        self,
        key: str,
        worlds: Sequence[Replay],
        tally: Tally,
        *,
        heard: Heard,
        made_by: Worlds,
        sources: Sequence[tuple[str, str]],
    ) -> None:
        super().__init__(key, worlds, tally, heard=heard)
        self.made_by = made_by
        self.sources = sources
        self.restored = 0

    async def probe(self, asks: Iterable[Ask]) -> None:
        self.tokens = await tokens_of(self.worlds, self.key)
        for ask in asks:
            if ask.operation in self._refused:
                continue
            answers = await self._tried(ask)
            if answers[0].refused_outright:
                self._refused.add(ask.operation)
            if ask.twin is not None:
                absent = await self._tried(replace(ask, path=ask.twin, twin=None))
                self.unlike_absent(ask, answers, absent)

    async def _tried(self, ask: Ask) -> list[Answer]:
        answers = await self._compared(ask)
        if any(answer.status < 300 for answer in answers):
            await self._restore()
        return answers

    async def _restore(self) -> None:
        self.restored += 1
        for world, (source, name) in zip(self.worlds, self.sources, strict=True):
            await world.rest()
            await self.made_by.copy(source, name)
