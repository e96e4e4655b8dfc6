"""What of earlier years is entered later, by whom, and what a row may name (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

HISTORY = "history:push"
RESULTS = "results:record"


class Kind(StrEnum):
    """`ImportRun.kind` of a push of earlier years."""

    INDICATOR_VALUES = "indicator_values"
    EARLIER_PLANS = "earlier_plans"
    EARLIER_RESULTS = "earlier_results"


SCOPES = {Kind.INDICATOR_VALUES: HISTORY, Kind.EARLIER_PLANS: HISTORY, Kind.EARLIER_RESULTS: RESULTS}
# One entry, as the audit names it.
RESOURCES = {
    Kind.INDICATOR_VALUES: "indicator_value",
    Kind.EARLIER_PLANS: "earlier_plan",
    Kind.EARLIER_RESULTS: "earlier_result",
}
# Members of a row, with their titles in a receipt's file.
MEMBERS: dict[Kind, dict[str, str]] = {
    Kind.INDICATOR_VALUES: {"region_code": "所属地区", "year": "年度", "indicator_code": "指标", "value": "指标值"},
    Kind.EARLIER_PLANS: {
        "region_code": "所属地区",
        "year": "年度",
        "filing_number": "备案编号",
        "overview": "概述",
        "targets": "年度目标",
    },
    Kind.EARLIER_RESULTS: {"region_code": "所属地区", "year": "年度", "grade": "等次"},
}
SOURCE_TITLE = "来源文件"


@dataclass(frozen=True, slots=True)
class Words:
    """What rows may name: the pusher's regions, indicators by folded name or code; the league's day; years and
    (region, year) that are this system's own, of which nothing is entered later.
    """

    regions: frozenset[str]
    indicators: Mapping[str, str]
    today: date
    own_years: frozenset[int] = frozenset()
    own_plans: frozenset[tuple[str, int]] = field(default_factory=frozenset)


def key_of(region_code: str, year: int, *more: str) -> str:
    """How a receipt names a row: by what it is about."""
    return "/".join((region_code, str(year), *more))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Members in which a pushed row differs from the entry that stands; those of the source are one."""
    return sorted({"source" if name.startswith("source_") else name for name in after if before[name] != after[name]})
