"""The demo world's plans and library: invented figures on example names (示例), the same at every load."""

from decimal import Decimal
from typing import Any

from app.demo.people import REGIONS

YEAR = 2026
LAST_YEAR = YEAR - 1
# Before this system was there: entered later, for the region all of whose earlier year is shown.
EARLIER_YEAR, EARLIER = LAST_YEAR - 1, "152501"

# Two kinds of project for a region, taken in turn: name, mode, content, benefits, stage.
_KINDS = (
    (
        "退化草原修复",
        "ecological_restoration",
        "围封、补播与划区轮牧",
        {"jobs": 24, "restored_area_mu": "12000"},
        "construction",
    ),
    (
        "有机牛羊肉基地",
        "ecological_agriculture",
        "有机认证、良种繁育与冷链",
        {"jobs": 60, "households": 140},
        "construction",
    ),
    ("牧人之家旅游点", "ecological_tourism", "牧户接待能力与标识系统", {"jobs": 35, "households": 48}, "operation"),
    ("肉乳精深加工", "ecological_industry", "分割、熟制与追溯系统", {"jobs": 120}, "preparation"),
    (
        "光伏治沙",
        "ecology_plus",
        "板上发电、板间种草、板下养殖",
        {"jobs": 40, "restored_area_mu": "5000"},
        "construction",
    ),
    ("区域品牌授权", "ecological_market", "授权管理、渠道与防伪追溯", {"jobs": 12, "households": 300}, "operation"),
    ("草牧场经营权贷款贴息", "ecological_finance", "评估、登记与贴息", {"households": 210}, "preparation"),
    ("草畜平衡补偿绩效", "ecological_compensation", "载畜量核定与绩效发放", {"households": 520}, "completed"),
)

# The region of which more is pushed later.
TOLD_TWICE = "152528"
# What becomes of the pushed projects, by their place in the push; the others are admitted.
DECLINED, LEFT, WAITING = {7}, {11}, {3, 14, 22}


def project_rows() -> list[dict[str, Any]]:
    """Two projects a region, as the league's own ledger pushes them."""
    rows = []
    for position, (code, name) in enumerate(REGIONS.items()):
        for turn in range(2):
            number = position * 2 + turn
            label, mode, content, benefits, stage = _KINDS[(number * 3 + turn) % len(_KINDS)]
            planned = 1_800_000 + number * 265_000
            last = planned // 2
            done = {"construction": planned // 3, "operation": planned, "completed": planned}.get(stage, 0)
            rows.append(
                {
                    "external_id": f"LEDGER-{code}-{turn + 1}",
                    "name": f"{name}{label}项目（示例）",
                    "region_code": code,
                    "primary_mode": mode,
                    "secondary_modes": [],
                    "investment_entity": {"name": f"{name}生态产业公司（示例）", "kind": "enterprise"},
                    "construction_content": content,
                    "building_stage": stage,
                    "starts_on": "2025-05-01",
                    "ends_on": "2027-10-31",
                    "funding": [
                        {"source": "league", "year": LAST_YEAR, "planned": f"{last}.00", "done": f"{last}.00"},
                        {"source": "league", "year": YEAR, "planned": f"{planned}.00", "done": f"{done}.00"},
                        {"source": "own_funds", "year": YEAR, "planned": "300000.00", "done": "0.00"},
                    ],
                    "expected_benefits": benefits,
                }
            )
    return rows


def changed_row() -> dict[str, Any]:
    """The ledger tells otherwise of a member: more is built, and for more people."""
    row = next(row for row in project_rows() if row["region_code"] == TOLD_TWICE)
    told = f"{row['construction_content']}、配套培训"
    return {**row, "construction_content": told, "expected_benefits": {"jobs": 150, "households": 90}}


def twin_row() -> dict[str, Any]:
    """The region's own system knows the same project by a key of its own."""
    row = next(row for row in reversed(project_rows()) if row["region_code"] == TOLD_TWICE)
    return {**row, "external_id": f"LOCAL-{TOLD_TWICE}-1"}


def figures(code: str, year: int) -> dict[str, Decimal]:
    """What a region reports for the end of a year, by indicator: a little better every year, a little apart."""
    place, years = list(REGIONS).index(code), year - LAST_YEAR
    return {
        "grassland_cover": Decimal("44.30") + place * Decimal("0.35") + years * Decimal("0.50"),
        "air_quality_good_days": Decimal("94.10") + place * Decimal("0.20") + years * Decimal("0.20"),
        "drinking_water_compliance": Decimal("98.00") + place * Decimal("0.10") + years * Decimal("0.10"),
        "stocking_rate": Decimal("97.50") - place * Decimal("0.25") - years * Decimal("0.40"),
    }


def earlier_values() -> list[dict[str, Any]]:
    """What the plans of last year stand on, entered later with its source."""
    source = {"title": f"{EARLIER_YEAR}年监测公报（示例）", "date": f"{LAST_YEAR}-01-20"}
    return [
        {
            "region_code": code,
            "year": EARLIER_YEAR,
            "indicator_code": indicator,
            "value": str(value),
            "source": source,
        }
        for code in REGIONS
        for indicator, value in figures(code, EARLIER_YEAR).items()
    ]


def earlier_plan() -> dict[str, Any]:
    """A plan from before this system was there, as it was filed on paper."""
    wanted = {code: str(value) for code, value in figures(EARLIER, EARLIER_YEAR).items()}
    return {
        "region_code": EARLIER,
        "year": EARLIER_YEAR,
        "filing_number": f"两山备〔{EARLIER_YEAR}〕1号（示例）",
        "overview": f"{REGIONS[EARLIER]}{EARLIER_YEAR}年度“两山”转化工作计划（示例）",
        "targets": [{"indicator_code": code, "target_value": value} for code, value in wanted.items()],
        "source": {
            "title": f"{REGIONS[EARLIER]}{EARLIER_YEAR}年度计划（示例）",
            "number": f"示例发〔{EARLIER_YEAR}〕1号",
            "date": f"{EARLIER_YEAR}-02-27",
        },
    }


def earlier_result() -> dict[str, Any]:
    """A grade of the year before the first one evaluated here, as it was published."""
    return {
        "region_code": EARLIER,
        "year": EARLIER_YEAR,
        "grade": "良好",
        "source": {
            "title": f"关于{EARLIER_YEAR}年度评估结果的通报（示例）",
            "number": f"示例两山办发〔{LAST_YEAR}〕1号",
            "date": f"{LAST_YEAR}-02-05",
        },
    }


def plan_parts(code: str, year: int) -> dict[str, list[dict[str, Any]]]:
    """The sub-resources of an example plan, in the order in which they are filled in: targets stand on what was
    reported for the year before."""
    before, wanted = figures(code, year - 1), figures(code, year)
    region_name = REGIONS[code]
    return {
        "targets": [
            *(
                {"indicator_code": indicator, "baseline_value": str(before[indicator]), "target_value": str(value)}
                for indicator, value in wanted.items()
            ),
            {"indicator_code": "new_jobs", "target_value": "260"},
        ],
        "tasks": [
            {"title": "退化草原修复（示例）", "content": "完成年度修复任务并验收", "due_on": f"{year}-10-31"},
            {"title": "区域品牌建设（示例）", "content": "新增授权企业并开展推介", "due_on": f"{year}-11-30"},
        ],
        "arrangements": [
            {
                "name": f"{region_name}年度重点项目（示例）",
                "content": "按项目库安排推进",
                "planned_investment": "6500000.00",
                "starts_on": f"{year}-03-01",
                "ends_on": f"{year}-12-31",
            }
        ],
        "safeguards": [
            {"kind": "organisation", "content": "成立工作专班，按月调度（示例）"},
            {"kind": "funding", "content": "统筹涉农涉草资金（示例）"},
        ],
        "preparers": [{"name": f"{region_name}计划编制组（示例）"}],
    }


# Last year's plans were all filed.
LAST_PLANS = dict.fromkeys(REGIONS, "filed")

# How far each region's plan has come. A region that is not here has not begun.
PLANS = {
    "152501": "filed",
    "152502": "amending",
    "152522": "submitted",
    "152523": "returned",
    "152524": "awaiting_signature",
    "152525": "draft",
    "152526": "filed",
    "152528": "filed",
    "152530": "submitted",
    "152571": "filed",
}
