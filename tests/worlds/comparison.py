"""One request put to several worlds, and its answers held against each other: status, headers, body, byte for byte."""

import asyncio
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from httpx import Response

from tests.worlds.asking import Ask, encoded
from tests.worlds.replay import Replay, digest_of

PAGES = 4
# Given to every request, so that not even this differs.
_REQUEST_ID = "the-two-worlds"
# Made by chance alone, and shown to who made it: as long as every other, so that its length stays compared.
_SECRET = re.compile(rb'"secret":"[A-Za-z0-9_-]{43}"')


@dataclass(frozen=True, slots=True)
class Answer:
    """All of an answer. There is no clock and no chance in it: nothing is scrubbed but tokens and new secrets."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def brief(self) -> str:
        return f"{self.status} {self.body[:1500].decode(errors='replace')}"

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    @property
    def refused_outright(self) -> bool:
        """For want of a scope or a token: no parameter was looked at."""
        return self.status in {401, 405} or (self.status == 403 and b'"insufficient_scope"' in self.body)


@dataclass(frozen=True, slots=True)
class Difference:
    observer: str
    ask: Ask
    between: str
    answers: tuple[str, str]

    def __str__(self) -> str:
        left, right = self.answers
        at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
        cut = slice(max(0, at - 160), at + 200)
        return (
            f"{self.observer}: {self.ask} [{self.between}]\n   {left[:4]} …{left[cut]}…\n   {right[:4]} …{right[cut]}…"
        )


@dataclass
class Tally:
    """What was compared."""

    requests: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    variants: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    declassified: Counter[str] = field(default_factory=Counter)
    differing: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def take(self, ask: Ask, answers: Sequence[Answer]) -> None:
        self.requests += len(answers)
        self.operations[ask.operation] += 1
        self.variants.add(f"{ask}{ask.headers}{ask.body}")
        self.statuses[answers[0].status] += 1


async def ask_one(world: Replay, key: str, token: str | None, ask: Ask) -> Answer:
    """The ids of what it makes hang on the request alone."""
    world.ports.begin(f"ask/{key}/{ask}")
    headers = {"X-Request-Id": _REQUEST_ID, **dict(ask.headers)}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if ask.method == "POST":
        headers["Idempotency-Key"] = digest_of((key, str(ask), ask.body))
    sent: Response = await world.quick.request(
        ask.method, ask.path, params=ask.params or None, headers=headers, **encoded(ask)
    )
    return Answer(sent.status_code, tuple(sorted(sent.headers.items())), _SECRET.sub(b'"secret":""', sent.content))


async def ask_all(worlds: Sequence[Replay], key: str, tokens: Sequence[str | None], ask: Ask) -> list[Answer]:
    asked = (ask_one(world, key, token, ask) for world, token in zip(worlds, tokens, strict=True))
    return list(await asyncio.gather(*asked))


async def tokens_of(worlds: Sequence[Replay], key: str) -> list[str | None]:
    if key == "public":
        return [None] * len(worlds)
    return [await world.bearer(key) for world in worlds]


class Looking:
    """One observer in several worlds at one checkpoint."""

    def __init__(self, key: str, worlds: Sequence[Replay], tally: Tally, *, heard: "Heard | None" = None) -> None:
        self.key = key
        self.worlds = worlds
        self.tally = tally
        self.heard = heard
        self.tokens: list[str | None] = []
        self._refused: set[str] = set()

    async def read(self, asks: Iterable[Ask]) -> None:
        self.tokens = await tokens_of(self.worlds, self.key)
        absent: dict[str, list[Answer]] = {}
        for ask in asks:
            if ask.narrows and ask.operation in self._refused:
                continue
            answers = await self._compared(ask)
            if answers[0].refused_outright and ask.method == "GET":
                self._refused.add(ask.operation)
            if ask.follows:
                await self._pages(ask, answers)
            if ask.method == "GET" and not ask.narrows and (tag := answers[-1].header("etag")):
                # The last world's tag, shown to all.
                again = Ask(ask.operation, "GET", ask.path, ask.params, (("If-None-Match", tag),))
                await self._compared(again)
            if ask.twin is not None:
                if ask.twin not in absent:
                    absent[ask.twin] = await self._compared(Ask(ask.operation, ask.method, ask.twin, ask.params))
                self.unlike_absent(ask, answers, absent[ask.twin])

    def unlike_absent(self, ask: Ask, answers: Sequence[Answer], absent: Sequence[Answer]) -> None:
        if self.heard is None:
            return
        for world, answer, other in zip(self.worlds, answers, absent, strict=True):
            if answer != other:
                self._differ(ask, f"{world.name}: hidden and absent", answer, other)

    async def _compared(self, ask: Ask) -> list[Answer]:
        answers = await ask_all(self.worlds, self.key, self.tokens, ask)
        self.compare(ask, answers)
        return answers

    def compare(self, ask: Ask, answers: Sequence[Answer]) -> None:
        self.tally.take(ask, answers)
        if self.heard is not None:
            for answer in answers:
                self.heard.listen(self.key, ask, answer)
        first = answers[0]
        for world, answer in zip(self.worlds[1:], answers[1:], strict=True):
            if answer != first:
                self._differ(ask, f"{self.worlds[0].name}/{world.name}", first, answer)

    def _differ(self, ask: Ask, between: str, left: Answer, right: Answer) -> None:
        self.tally.differing[self.key].add(ask.operation)
        told = _headed(left, right), _headed(right, left)
        self.tally.differences.append(Difference(self.key, ask, between, told))

    async def _pages(self, ask: Ask, answers: list[Answer]) -> None:
        for page in range(2, PAGES + 1):
            cursors = [_cursor(answer) for answer in answers]
            if cursors[0] is None or any(cursor is None for cursor in cursors):
                return
            label = Ask(ask.operation, "GET", ask.path, (*ask.params, ("cursor", f"page {page}")))
            turned = [Ask(ask.operation, "GET", ask.path, (*ask.params, ("cursor", str(cursor)))) for cursor in cursors]
            answers = [
                await ask_one(world, self.key, token, one)
                for world, token, one in zip(self.worlds, self.tokens, turned, strict=True)
            ]
            self.compare(label, answers)


def _cursor(answer: Answer) -> str | None:
    if answer.status != 200:
        return None
    found: str | None = json.loads(answer.body).get("next_cursor")
    return found


def _headed(answer: Answer, other: Answer) -> str:
    """Status, the headers that differ, and the body."""
    unlike = dict(set(answer.headers) - set(other.headers))
    return f"{answer.status} {unlike or ''} {answer.body.decode(errors='replace')}"


@dataclass
class Heard:
    """Everything that the walled were told, searched for what nobody but the judges may know."""

    canaries: dict[str, str]
    found: list[str] = field(default_factory=list)
    searched: int = 0

    def __post_init__(self) -> None:
        self._bytes = {text.encode(): said for text, said in self.canaries.items()}

    def listen(self, key: str, ask: Ask, answer: Answer) -> None:
        told = answer.body + b"\n".join(f"{name}: {value}".encode() for name, value in answer.headers)
        self.searched += len(told)
        for text, said in self._bytes.items():
            if text in told:
                self.found.append(f"{key}: {ask}: {said}: {text.decode()}")
