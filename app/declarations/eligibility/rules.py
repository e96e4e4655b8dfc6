"""What a check of eligibility concludes from its findings: pure rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Capacity(StrEnum):
    """In what a person would act. What bars from it, and how far back, is data (`/v1/relations`)."""

    REVIEWER = "reviewer"
    APPRAISER = "appraiser"
    DECIDER = "decider"
    SUPERVISOR = "supervisor"
    HANDLER = "handler"


class Outcome(StrEnum):
    """`unknown`: a fact is missing, and until it is known the person is not drawn."""

    ELIGIBLE = "eligible"
    INELIGIBLE = "ineligible"
    UNKNOWN = "unknown"


RULES: dict[str, tuple[str, str]] = {
    "not_in_pool": ("不在专家库或账号停用", "Not in the pool of experts, or disabled"),
    "recused": ("已就该对象回避", "Recused from it"),
    "unknown_employer": ("现单位不明", "The present employer is not known"),
    "declaration_missing": ("尚未作出本年度申报", "This year's declaration is missing"),
    "employed_there": ("任职、挂职或借调", "Employed, posted or seconded there"),
    "board_or_shareholder": ("董事、监事、股东或顾问", "Board member, shareholder or adviser there"),
    "affiliated_body": ("单位与该地区单位有上下级隶属关系", "The employer is above or below a body there"),
    "staff_there": ("该地区或其项目单位的工作人员", "Staff of the region, or of an entity of its projects"),
    "own_project": ("本单位项目在该地区项目库", "The employer's project is in the region's library"),
    "prepared_it": ("参与编制", "Took part in preparing it"),
    "supervises_it": ("负责监督该地区", "Supervises the region"),
    "named_by_region": ("地区建议不宜评审（供参考）", "The region asks for somebody else (advisory)"),
    "similar_name": (
        "单位名称与该地区单位相近（供核对）",
        "The employer's name is like that of a body there (to be checked)",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that applies. It bars, or is a hint; `is_unknown` where a fact is missing."""

    rule: str
    bars: bool
    is_unknown: bool
    facts: dict[str, Any] | None


def outcome(findings: Iterable[Finding]) -> Outcome:
    """A known fact that bars outweighs a missing one; hints decide nothing."""
    barring = [finding for finding in findings if finding.bars]
    if any(not finding.is_unknown for finding in barring):
        return Outcome.INELIGIBLE
    return Outcome.UNKNOWN if barring else Outcome.ELIGIBLE
