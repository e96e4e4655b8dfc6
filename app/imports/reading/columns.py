"""The one table of columns: what a project is called in a spreadsheet, the same for template, push, export, receipt.

Codes of funding sources, modes and regions are reference data: titles and drop-downs are made of the live lists.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from app.imports.rules import STAGE_NAMES, folded
from app.models.directory import OrganisationKind
from app.models.projects import Axis

KIND_NAMES: Mapping[str, str] = {
    OrganisationKind.PARTY_COMMITTEE: "党委",
    OrganisationKind.GOVERNMENT: "政府",
    OrganisationKind.MANAGEMENT_COMMITTEE: "管委会",
    OrganisationKind.DEPARTMENT: "行政部门",
    OrganisationKind.PUBLIC_INSTITUTION: "事业单位",
    OrganisationKind.ENTERPRISE: "企业",
    OrganisationKind.TOWNSHIP: "苏木乡镇",
    OrganisationKind.STATE_FARM: "国有农牧场",
    OrganisationKind.COOPERATIVE: "专业合作社",
    OrganisationKind.GACHA_COLLECTIVE: "嘎查集体经济组织",
    OrganisationKind.FAMILY_RANCH: "家庭牧场",
    OrganisationKind.INSTITUTE: "科研院所",
}
AXIS_NAMES: Mapping[str, str] = {Axis.ECOLOGY_TO_INDUSTRY: "生态产业化", Axis.INDUSTRY_TO_ECOLOGY: "产业生态化"}

# What an amount in a cell, or a title, may say of its unit: how many of the document's own units it is.
MONEY_UNITS: dict[str, int] = {"元": 1, "万元": 10_000, "亿元": 100_000_000}
AREA_UNITS: dict[str, int] = {"亩": 1, "万亩": 10_000}
# Stands in a cell to clear what is there; an empty cell leaves it as it is.
CLEARED = "（清空）"
# Stands for the external id of the template's example row, which is not read.
EXAMPLE = "示例（本行不导入）"


class Kind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    CHOICES = "choices"
    DAY = "day"
    COUNT = "count"
    AMOUNT = "amount"
    DEGREES = "degrees"
    # For people only: nothing is read from it.
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Column:
    """`unit`: the template's own. `units`: all that are understood. `choices`: the list its values are from."""

    pointer: str
    title: str
    kind: Kind = Kind.TEXT
    note: str = ""
    unit: str = ""
    units: Mapping[str, int] | None = None
    choices: str = ""
    required: bool = False
    nullable: bool = False
    aliases: tuple[str, ...] = ()
    example: str = ""
    width: int = 16

    @property
    def heading(self) -> str:
        """The title with its unit, as it stands in the header."""
        return f"{self.title}（{self.unit}）" if self.unit else self.title

    @property
    def code(self) -> str:
        """The member, as machines head their columns; amounts are then in the document's own unit."""
        return self.pointer.removeprefix("/").replace("/", ".")


NAME = Column(
    "/name", "项目名称", note="不超过 200 字。", required=True, aliases=("项目名",), width=36,
    example="有机乳品原料基地项目（示例）",
)  # fmt: skip
LONGITUDE = Column(
    "/location/coordinates/0", "经度", Kind.DEGREES, "十进制度，东经为正，保留六位小数；与纬度同填。",
    nullable=True, example="112.0161", width=12,
)  # fmt: skip
LATITUDE = Column(
    "/location/coordinates/1", "纬度", Kind.DEGREES, "十进制度，北纬为正，保留六位小数；与经度同填。",
    nullable=True, example="43.5302", width=12,
)  # fmt: skip
_BENEFITS = "/expected_benefits/"
_BENEFIT_NOTE = "五项预期效益至少填一项，且不得全为零。"
# In the template's order; funding stands after the dates.
BEFORE_FUNDING: tuple[Column, ...] = (
    Column(
        "/external_id", "外部编号", note="贵系统或贵单位给项目的编号，报送时以它识别项目，请勿更改。", required=True,
        aliases=("项目编号", "来源系统编号"), example=EXAMPLE, width=22,
    ),
    NAME,
    Column(
        "/region_code", "所属地区", Kind.CHOICE, "从下拉列表选择，或填六位区划代码。", choices="regions", required=True,
        aliases=("旗县市区", "旗县(市、区)", "旗县市(区)", "所属旗县", "所属旗县市区", "行政区划代码", "区划代码"),
        width=24,
    ),
    Column(
        "/primary_mode", "主要转化模式", Kind.CHOICE, "从下拉列表选择一项。", choices="modes", required=True,
        aliases=("转化模式", "主模式"), width=20,
    ),
    Column(
        "/secondary_modes", "其他转化模式", Kind.CHOICES, "可填多项，以顿号“、”分隔。", choices="modes", nullable=True,
        aliases=("次要转化模式", "辅助转化模式"), width=20,
    ),
    Column(
        "/investment_entity/name", "投资主体", note="单位全称。", required=True, aliases=("投资主体名称",),
        example="乳业有限公司（示例）", width=30,
    ),
    Column(
        "/investment_entity/kind", "主体类型", Kind.CHOICE, "从下拉列表选择。", choices="kinds", required=True,
        aliases=("投资主体类型",), example="企业",
    ),
    Column(
        "/investment_entity/credit_code", "统一社会信用代码", note="18 位（GB 32100-2015），校验位须正确；没有可不填。",
        nullable=True, aliases=("信用代码", "投资主体统一社会信用代码"), example="91152501MA0000023E", width=22,
    ),
    Column(
        "/construction_content", "建设内容", note="不超过 20000 字。", required=True,
        aliases=("主要建设内容", "建设内容及规模"), example="有机草场认证与冷链收储站建设", width=44,
    ),
    Column(
        "/building_stage", "建设阶段", Kind.CHOICE, "从下拉列表选择。", choices="stages", required=True,
        aliases=("项目阶段",), example="在建", width=12,
    ),
    Column("/stage_reason", "阶段变更理由", note="阶段后退或停缓建时必填。", nullable=True, width=24),
    Column(
        "/starts_on", "开工日期", Kind.DAY, "如 2026-05-01；须写明年月日。", nullable=True, aliases=("开始日期",),
        example="2026-05-01", width=13,
    ),
    Column(
        "/ends_on", "竣工日期", Kind.DAY, "如 2028-10-30；不早于开工日期。", nullable=True,
        aliases=("完工日期", "结束日期"), example="2028-10-30", width=13,
    ),
)  # fmt: skip
AFTER_FUNDING: tuple[Column, ...] = (
    Column(
        f"{_BENEFITS}jobs", "新增就业", Kind.COUNT, _BENEFIT_NOTE, "人", {"人": 1}, nullable=True, example="165",
        aliases=("带动就业",),
    ),
    Column(
        f"{_BENEFITS}households", "带动农牧户", Kind.COUNT, _BENEFIT_NOTE, "户", {"户": 1}, nullable=True,
        example="221",
    ),
    Column(
        f"{_BENEFITS}household_income_increase", "户均年增收", Kind.AMOUNT, _BENEFIT_NOTE, "元", MONEY_UNITS,
        nullable=True, example="7600",
    ),
    Column(
        f"{_BENEFITS}collective_income", "集体经济年增收", Kind.AMOUNT, _BENEFIT_NOTE, "万元", MONEY_UNITS,
        nullable=True, example="97", width=22,
    ),
    Column(
        f"{_BENEFITS}restored_area_mu", "生态修复面积", Kind.AMOUNT, _BENEFIT_NOTE, "亩", AREA_UNITS, nullable=True,
        example="1800", width=18,
    ),
    LONGITUDE,
    LATITUDE,
    Column(
        "/national_code", "投资项目代码", note="全国投资项目在线审批监管平台代码，如 2405-152501-04-01-123456。",
        nullable=True, aliases=("国家代码", "项目代码"), width=28,
    ),
    Column(
        "/axis", "转化方向", Kind.CHOICE, "从下拉列表选择。", choices="axes", nullable=True, example="生态产业化",
    ),
)  # fmt: skip
# On exports only: a push reads nothing from them, whatever they say.
SHOWN: tuple[Column, ...] = (
    Column("id", "项目ID", Kind.SHOWN, width=38),
    Column("source_system", "来源系统", Kind.SHOWN),
    Column("membership", "入库状态", Kind.SHOWN, width=12),
    Column("updated_at", "更新时间", Kind.SHOWN, width=22),
)
_NUMBERING = Column("index", "序号", Kind.SHOWN)
PLAIN = (*BEFORE_FUNDING, *AFTER_FUNDING)
READ_OVER = (*SHOWN, _NUMBERING)
PARTS = {"planned": "计划", "done": "完成"}


class FundingKey(NamedTuple):
    """Two columns of money: by source, and by year where it is not for the whole life."""

    source: str
    year: int | None


def funding_columns(keys: Iterable[FundingKey], names: Mapping[str, str]) -> list[Column]:
    """Planned and done for each source; the year stands before the source's name (`2026年中央计划（万元）`)."""
    return [
        Column(
            f"/funding/{key.source}/{key.year or ''}/{part}",
            f"{f'{key.year}年' if key.year else ''}{names.get(key.source, key.source)}{word}",
            Kind.AMOUNT,
            unit="万元",
            units=MONEY_UNITS,
            nullable=True,
            width=20,
        )
        for key in keys
        for part, word in PARTS.items()
    ]


def all_columns(keys: Iterable[FundingKey], names: Mapping[str, str]) -> list[Column]:
    return [*BEFORE_FUNDING, *funding_columns(keys, names), *AFTER_FUNDING]


def in_order(keys: Iterable[FundingKey], lists: "Lists") -> list[FundingKey]:
    """As the list of sources has them; the whole life, then the years."""
    places = {code: place for place, code in enumerate(lists.sources)}
    return sorted(set(keys), key=lambda key: (key.year or 0, places.get(key.source, len(places)), key.source))


@dataclass(frozen=True)
class Lists:
    """The live lists, code → Chinese name, in their order."""

    regions: Mapping[str, str]
    modes: Mapping[str, str]
    sources: Mapping[str, str]

    @cached_property
    def source_codes(self) -> dict[str, str]:
        """Folded name or code → code."""
        return _by_name(self.sources)

    def source_of(self, name: str) -> str | None:
        return self.source_codes.get(folded(name))

    def entries(self, choices: str) -> list[str]:
        """What the drop-down of a list offers."""
        match choices:
            case "regions":
                return [f"{code} {name}" for code, name in self.regions.items()]
            case "modes":
                return list(self.modes.values())
            case "kinds":
                return list(KIND_NAMES.values())
            case "stages":
                return list(STAGE_NAMES)
            case _:
                return list(AXIS_NAMES.values())

    def code_of(self, choices: str, text: str) -> str | None:
        """The code that a name stands for; None where the list has no such name."""
        return self._codes[choices].get(folded(text))

    @cached_property
    def _codes(self) -> dict[str, dict[str, str]]:
        regions = _by_name(self.regions)
        # As the drop-down has it: code and name, and both must be those of one region.
        regions |= {folded(f"{code}{name}"): code for code, name in self.regions.items()}
        return {
            "regions": regions,
            "modes": _by_name(self.modes),
            "kinds": _by_name(KIND_NAMES),
            "stages": {folded(text): str(stage) for name, stage in STAGE_NAMES.items() for text in (name, stage)},
            "axes": _by_name(AXIS_NAMES),
        }

    def name_of(self, choices: str, code: str) -> str:
        """How a code stands in a cell: read back it is the code again."""
        match choices:
            case "regions":
                return f"{code} {self.regions[code]}" if code in self.regions else code
            case "modes":
                return self.modes.get(code, code)
            case "kinds":
                return KIND_NAMES[code]
            case "stages":
                return next(name for name, stage in STAGE_NAMES.items() if stage == code)
            case _:
                return AXIS_NAMES[code]


def _by_name(names: Mapping[str, str]) -> dict[str, str]:
    return {folded(text): str(code) for code, name in names.items() for text in (code, name)}
