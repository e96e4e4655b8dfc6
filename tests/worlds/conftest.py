"""The worlds are played once in a process; what each test compared is counted together at the end."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.ground import Ground
from tests.worlds.declassified import DECLASSIFIED
from tests.worlds.summary import NAME, Summary, collected
from tests.worlds.worlds import Worlds, drop_all, play_all

Note = Callable[..., None]


@pytest.fixture(scope="session")
def worlds(ground: Ground) -> Iterator[Worlds]:
    """All worlds at all checkpoints."""
    made = asyncio.run(play_all(ground))
    yield made
    asyncio.run(drop_all(made))


@pytest.fixture(scope="session")
def three_worlds(ground: Ground) -> Iterator[Worlds]:
    """What the walled person is shown, before disclosure."""
    made = asyncio.run(play_all(ground, ("W0", "WJ", "WV"), ("reviewing", "before")))
    yield made
    asyncio.run(drop_all(made))


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """`note(observers=["w_expert"], requests=3)`: into the summary, whichever process counts."""

    def noted(**values: Any) -> None:
        record_property(NAME, values)

    return noted


def _summary(config: pytest.Config) -> Summary | None:
    """Of a run of the whole long form; a part of it has nothing to compare its counts with."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or config.option.markexpr != "wall" or hasattr(config, "workerinput"):
        return None
    told = [one for listed in terminal.stats.values() for one in listed]
    return collected([one for one in told if isinstance(one, pytest.TestReport) and one.when == "call"])


def _faults(config: pytest.Config, summary: Summary) -> list[str]:
    if config.option.keyword:
        return []
    used = summary.sets.get("declassified", set())
    idle = {f"{observer}: {operation}" for observer, operation in DECLASSIFIED} - used
    return summary.short() + [f"declassified, and the same in all worlds: {one}" for one in sorted(idle)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    summary = _summary(session.config)
    if summary is not None and _faults(session.config, summary):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    summary = _summary(config)
    if summary is None:
        return
    terminalreporter.section("the two worlds")
    for line in summary.lines():
        terminalreporter.line(line)
    for fault in _faults(config, summary):
        terminalreporter.line(f"TOO LITTLE: {fault}", red=True)
