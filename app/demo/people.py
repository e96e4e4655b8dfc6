"""Who is in the demo world. Everybody is an example (示例): no real person, no real body."""

from dataclasses import dataclass
from typing import Literal

from app.models.identity import Role

PASSWORD = "Grassland-Example-7"  # noqa: S105 - printed at every start of `make run`; `serve` refuses such accounts
CLIENT_ID = "league-ledger"
SOURCE_SYSTEM = "league-ledger"


@dataclass(frozen=True, slots=True)
class DemoOrganisation:
    key: str
    name: str
    kind: str
    region_code: str
    credit_code: str | None = None
    parent: str | None = None
    charge_modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account with one grant; `shown` ones are printed at start."""

    username: str
    name: str
    role: Role
    role_line: str
    region_code: str | None = None
    bound_to: str | None = None
    employer: str | None = None
    employment: Literal["staff", "seconded"] = "staff"
    shown: bool = True


REGIONS = {
    "152501": "二连浩特市",
    "152502": "锡林浩特市",
    "152522": "阿巴嘎旗",
    "152523": "苏尼特左旗",
    "152524": "苏尼特右旗",
    "152525": "东乌珠穆沁旗",
    "152526": "西乌珠穆沁旗",
    "152527": "太仆寺旗",
    "152528": "镶黄旗",
    "152529": "正镶白旗",
    "152530": "正蓝旗",
    "152531": "多伦县",
    "152571": "乌拉盖管理区",
}
_SHOWN_REGIONS = ("152501", "152502")

EXPERTS = ("expert1", "expert2", "expert3", "expert4", "expert5", "expert6", "expert7")
RECUSED_FROM = "152501"  # the first expert
# Who makes this year's commitment and declaration.
JUDGES = ("office1", "office2", "office3", "committee1", "inspector1", *EXPERTS)

ORGANISATIONS = (
    DemoOrganisation("office", "盟生态环境保护委员会办公室（示例）", "department", "152500"),
    DemoOrganisation("inspection", "盟纪检监察机构（示例）", "department", "152500"),
    DemoOrganisation(
        "agriculture",
        "盟农牧部门（示例）",
        "department",
        "152500",
        charge_modes=("ecological_agriculture", "ecological_compensation"),
    ),
    DemoOrganisation(
        "forestry", "盟林草部门（示例）", "department", "152500", charge_modes=("ecological_restoration",)
    ),
    DemoOrganisation("institute", "草原生态研究机构（示例）", "institute", "152500"),
    DemoOrganisation("data", "盟数据管理部门（示例）", "department", "152500", credit_code="11152500MA0ABCDE6D"),
    DemoOrganisation("gacha", "草原嘎查集体经济组织（示例）", "gacha_collective", "152522", "N2152522MA0ABCDE6G"),
    DemoOrganisation("cooperative", "牧民专业合作社（示例）", "cooperative", "152525", "93152525MA0ABCDE66"),
    *(
        DemoOrganisation(
            f"government.{code}",
            f"{name}{'管委会' if code == '152571' else '人民政府'}（示例）",
            "management_committee" if code == "152571" else "government",
            code,
        )
        for code, name in REGIONS.items()
    ),
)

ACCOUNTS = (
    DemoAccount(
        "office1", "示例办公室甲", Role.LEAGUE_OFFICE, "office: files plans, admits projects", employer="office"
    ),
    DemoAccount("office2", "示例办公室乙", Role.LEAGUE_OFFICE, "office, a second officer", employer="office"),
    DemoAccount(
        "office3", "示例办公室丙", Role.LEAGUE_OFFICE, "office, a third officer", employer="office", shown=False
    ),
    DemoAccount(
        "committee1",
        "示例委员会领导",
        Role.LEAGUE_COMMITTEE,
        "committee: approves grades, decides recusals",
        employer="office",
    ),
    DemoAccount("inspector1", "示例纪检人员", Role.DISCIPLINE_INSPECTOR, "discipline inspector", employer="inspection"),
    DemoAccount(
        "agriculture1",
        "示例农牧部门人员",
        Role.LEAGUE_DEPARTMENT,
        "league department: the modes in its charge",
        bound_to="agriculture",
        employer="agriculture",
    ),
    *(
        account
        for code, name in REGIONS.items()
        for account in (
            DemoAccount(
                f"editor.{code}",
                f"示例经办（{name}）",
                Role.REGION_EDITOR,
                f"region editor of {code} {name}: prepares and submits",
                region_code=code,
                employer=f"government.{code}",
                shown=code in _SHOWN_REGIONS,
            ),
            DemoAccount(
                f"approver.{code}",
                f"示例签发（{name}）",
                Role.REGION_APPROVER,
                f"region approver of {code} {name}: signs and sends",
                region_code=code,
                employer=f"government.{code}",
                shown=code in _SHOWN_REGIONS,
            ),
        )
    ),
    DemoAccount(
        "cooperative1",
        "示例合作社负责人",
        Role.CONSTRUCTION_ENTITY,
        "construction entity: its own projects",
        bound_to="cooperative",
        employer="cooperative",
    ),
    *(
        DemoAccount(
            username,
            f"示例专家{name}",
            Role.EXPERT,
            f"expert: recused from {RECUSED_FROM} (in force)" if place == 0 else "expert: sits on panels",
            employer="institute",
            shown=place < 2,
        )
        for place, (username, name) in enumerate(zip(EXPERTS, "甲乙丙丁戊己庚", strict=True))
    ),
    DemoAccount("expert8", "示例专家辛", Role.EXPERT, "expert: has made no commitment this year", employer="institute"),
    DemoAccount("auditor1", "示例审计员", Role.AUDITOR, "audit administrator"),
    DemoAccount(
        "sysadmin1",
        "示例系统管理员",
        Role.SYSTEM_ADMIN,
        "system administrator: people, accounts, bodies, other systems",
    ),
    DemoAccount(
        "secadmin1",
        "示例安全管理员甲",
        Role.SECURITY_ADMIN,
        "security administrator: grants, and what other systems may do",
    ),
    DemoAccount(
        "secadmin2", "示例安全管理员乙", Role.SECURITY_ADMIN, "security administrator, the second", shown=False
    ),
)
