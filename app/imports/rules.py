"""How names in a push are understood, and what a run comes to (pure)."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.core.errors import Reason
from app.models.projects import BuildingStage

PUSH = "projects:push"
NO_RECEIPT = Reason("no_receipt", "该次报送尚无回执", "The run has no receipt, or none yet")
NOTHING_TO_RETRY = Reason("nothing_to_retry", "没有可重试的行", "No row of this run is left to be tried again")
HAS_ENDED = Reason("has_ended", "该次报送已结束", "The run has ended already")
_QUOTES = re.compile(r"[\s\"'“”‘’„‟‚‛「」『』«»〝〞〟`´]")

STAGE_NAMES: dict[str, BuildingStage] = {
    "储备": BuildingStage.RESERVE,
    "前期": BuildingStage.PREPARATION,
    "在建": BuildingStage.CONSTRUCTION,
    "竣工": BuildingStage.COMPLETED,
    "投运": BuildingStage.OPERATION,
    "停缓建": BuildingStage.SUSPENDED,
}


def folded(name: str) -> str:
    """Width, case, spaces and quotation marks do not tell names apart: ＂生态＋＂复合产业 is “生态+”复合产业."""
    return _QUOTES.sub("", unicodedata.normalize("NFKC", name)).casefold()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a row may name: folded name or code → code; and the regions that the client pushes for."""

    modes: Mapping[str, str]
    sources: Mapping[str, str]
    stages: Mapping[str, str]
    regions: frozenset[str]


def vocabulary(
    modes: Iterable[tuple[str, str]], sources: Iterable[tuple[str, str]], regions: Iterable[str]
) -> Vocabulary:
    stages = [*((str(stage), stage) for stage in BuildingStage), *STAGE_NAMES.items()]
    return Vocabulary(
        _by_name(modes), _by_name(sources), {folded(name): str(stage) for name, stage in stages}, frozenset(regions)
    )


def _by_name(codes: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {folded(name): code for code, *names in codes for name in (code, *names)}


def outcome(*, total: int, rejected: int, atomic: bool) -> str:
    """`rejected` where nothing was applied, `partial` where only some rows were."""
    if rejected == 0:
        return "succeeded"
    return "rejected" if atomic or rejected == total else "partial"
