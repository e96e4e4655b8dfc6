"""Scopes and roles: the one table from which tokens, refusals, `/v1/access-policy` and the README are made.

A scope is an upper bound. The judging scopes are listed here and granted by role, but they take effect only
with what Art. 11 asks for (commitment, declaration, a live assignment), never by the role alone.
"""

from dataclasses import dataclass

from app.models.identity import Role


@dataclass(frozen=True, slots=True)
class Scope:
    code: str
    zh: str
    en: str
    article: str | None = None
    judging: bool = False


_ALL = (
    Scope("directory:read", "查阅目录与基础数据", "Read regions, organisations and reference data", "2"),
    Scope("directory:write", "维护单位与实践区", "Maintain organisations and practice areas", "2"),
    Scope("people:read", "查阅人员及其单位", "See people's names and units"),
    Scope("people:write", "维护人员、任职与账号", "Maintain people, employment and accounts"),
    Scope("grants:read", "查阅授权", "See grants"),
    Scope("grants:write", "授予与收回角色", "Grant and end roles"),
    Scope("clients:read", "查阅接入系统", "See other systems' registrations"),
    Scope("clients:write", "登记与维护接入系统", "Register and maintain other systems, issue their secrets"),
    Scope("clients:confirm", "确认与恢复接入系统的权限", "Confirm what another system may do, enable it again"),
    Scope("clients:disable", "停用接入系统", "Disable another system, revoke its secrets"),
    Scope("plans:read", "查阅年度计划", "Read yearly plans", "3"),
    Scope("plans:write", "编制年度计划", "Draft yearly plans", "3"),
    Scope("plans:submit", "送审年度计划", "Submit a plan for signature", "3"),
    Scope("plans:sign", "签发年度计划", "Sign a plan and send it", "3"),
    Scope("plans:file", "备案或退回补正", "File plans or return them for completion", "3"),
    Scope("projects:read", "查阅项目库", "Read the project library", "3"),
    Scope("projects:write", "编制与维护项目", "Draft and maintain projects", "3"),
    Scope("projects:admit", "审定入库与退库", "Admit, decline and remove projects", "3"),
    Scope("projects:push", "批量报送项目", "Push projects in bulk", "3"),
    Scope("imports:read", "查阅报送回执", "Read import receipts", "3"),
    Scope("history:read", "查阅补录的历年资料", "Read what was entered of earlier years", "3"),
    Scope("history:push", "补录历年计划与指标值", "Enter earlier years' plans and indicator values", "3"),
    Scope("results:record", "补录历年评估结果", "Enter earlier years' published results", "10"),
    Scope("tasks:read", "查阅待办与报送任务", "See what waits for oneself, and reporting tasks", "3"),
    Scope("tasks:issue", "下达报送任务", "Issue reporting tasks", "3"),
    Scope("supervision:read", "查阅监督检查", "Read supervision", "7"),
    Scope("supervision:act", "开展监督检查", "Carry out supervision", "7"),
    Scope("evaluations:read", "查阅评估", "Read evaluations", "9"),
    Scope("evaluations:write", "编制自评估", "Draft self-evaluations", "9"),
    Scope("evaluations:submit", "送审自评估", "Submit a self-evaluation for signature", "9"),
    Scope("evaluations:sign", "签发自评估", "Sign a self-evaluation and send it", "9"),
    Scope("evaluations:manage", "组织年度评估", "Run the evaluation cycle", "9"),
    Scope("evaluations:review", "评审评估材料", "Review evaluations", "9", judging=True),
    Scope("evaluations:appraise", "综合评议", "Appraise", "9", judging=True),
    Scope("evaluations:approve", "审定评估结果", "Approve results", "10", judging=True),
    Scope("draws:seed", "提交与公开抽取种子份额", "Commit to and open a share of the draws' seed", "13"),
    Scope("assignments:respond", "答复评审邀请", "Answer review assignments", "11", judging=True),
    Scope("declarations:write", "作出承诺与申报", "Make commitments and declarations", "11"),
    Scope("recusals:apply", "申请他人回避或提供情况", "Apply for somebody's recusal, or inform", "11"),
    Scope("recusals:decide", "决定回避", "Decide recusals", "11"),
    Scope("recusals:record", "录入上级机关的回避决定", "Record a superior authority's decision on a recusal", "11"),
    Scope("cases:read", "查阅典型案例", "Read cases", "12"),
    Scope("cases:write", "编写典型案例", "Draft cases", "13"),
    Scope("cases:recommend", "推荐典型案例", "Recommend cases to the league", "13"),
    Scope("cases:manage", "组织典型案例遴选", "Run the yearly selection of cases", "12"),
    Scope("cases:review", "评审典型案例", "Review cases", "13", judging=True),
    Scope("events:read", "接收事件", "Read the feed of events"),
    Scope("webhooks:write", "管理事件推送", "Subscribe to events, and see what was sent"),
    Scope("audit:read", "查阅审计记录", "Read the audit"),
)
SCOPES: dict[str, Scope] = {scope.code: scope for scope in _ALL}
JUDGING = frozenset(scope.code for scope in _ALL if scope.judging)

# What each judging scope needs beside the role (Art. 11): this year's commitment, this year's declaration, a live
# assignment that was accepted.
CONDITIONS: dict[str, tuple[str, ...]] = {
    "assignments:respond": ("commitment",),
    "evaluations:appraise": ("commitment", "declaration"),
    "evaluations:approve": ("commitment", "declaration"),
    "evaluations:review": ("commitment", "declaration", "evaluation"),
    "cases:review": ("commitment", "declaration", "case"),
}

_READS = {"directory:read", "people:read", "plans:read", "projects:read", "tasks:read", "cases:read", "history:read"}

ROLE_SCOPES: dict[Role, frozenset[str]] = {
    Role.LEAGUE_OFFICE: frozenset(
        _READS
        | {"directory:write", "plans:file", "projects:admit", "imports:read", "tasks:issue"}
        | {"supervision:read", "supervision:act", "evaluations:read", "evaluations:manage", "results:record"}
        | {"evaluations:appraise", "declarations:write", "recusals:apply", "recusals:decide", "cases:manage"}
        | {"draws:seed"}
    ),
    Role.LEAGUE_COMMITTEE: frozenset(
        _READS
        | {"supervision:read", "evaluations:read", "evaluations:appraise", "evaluations:approve"}
        | {"declarations:write", "recusals:apply", "recusals:decide", "draws:seed"}
    ),
    Role.DISCIPLINE_INSPECTOR: frozenset(
        _READS | {"supervision:read", "evaluations:read", "declarations:write", "recusals:apply", "recusals:decide"}
    ),
    Role.LEAGUE_DEPARTMENT: frozenset(_READS | {"supervision:read", "declarations:write", "recusals:apply"}),
    Role.REGION_EDITOR: frozenset(
        _READS
        | {"plans:write", "plans:submit", "projects:write", "projects:push", "history:push", "supervision:read"}
        | {"evaluations:read", "evaluations:write", "evaluations:submit", "cases:write", "recusals:apply"}
    ),
    Role.REGION_APPROVER: frozenset(
        _READS
        | {"plans:sign", "supervision:read", "evaluations:read", "evaluations:sign", "cases:recommend"}
        | {"recusals:apply"}
    ),
    Role.CONSTRUCTION_ENTITY: frozenset({"directory:read", "projects:read", "recusals:apply"}),
    Role.EXPERT: frozenset(
        {"directory:read", "tasks:read", "declarations:write", "recusals:apply"}
        | {"assignments:respond", "evaluations:review", "cases:review"}
    ),
    Role.AUDITOR: frozenset({"directory:read", "people:read", "grants:read", "clients:read", "audit:read"}),
    Role.SYSTEM_ADMIN: frozenset(
        {"directory:read", "directory:write", "people:read", "people:write", "grants:read"}
        | {"clients:read", "clients:write", "clients:disable"}
    ),
    Role.SECURITY_ADMIN: frozenset(
        {"directory:read", "people:read", "grants:read", "grants:write", "recusals:record"}
        | {"clients:read", "clients:confirm", "clients:disable"}
    ),
}

CLIENT_SCOPES = frozenset(
    {"directory:read", "projects:read", "projects:push", "imports:read", "events:read", "webhooks:write"}
    | {"history:read", "history:push"}
)

# What a grant of the role must be bound to.
REGION_BOUND = frozenset({Role.REGION_EDITOR, Role.REGION_APPROVER})
ORGANISATION_BOUND = frozenset({Role.LEAGUE_DEPARTMENT, Role.CONSTRUCTION_ENTITY})
# Roles that carry a judging scope: granted by two security administrators, to a person whose identity is verified.
JUDGING_ROLES = frozenset(role for role, scopes in ROLE_SCOPES.items() if scopes & JUDGING)
# Administration in three (三员分离): nobody holds two of these.
SEPARATED = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR})
LEAGUE_ROLES = frozenset({Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE, Role.DISCIPLINE_INSPECTOR})

# With how many people a year can be run, every pair of eyes that the rules ask for included (a test runs one).
MINIMUM_STAFFING: tuple[tuple[Role, int, str, str], ...] = (
    (
        Role.LEAGUE_OFFICE,
        3,
        "一人办理，一人评议；一人回避时仍有两人",
        "One handles, one appraises; two are left where one is recused",
    ),
    (Role.LEAGUE_COMMITTEE, 1, "审定结果", "Approves results"),
    (Role.DISCIPLINE_INSPECTOR, 1, "回避事项的第二决定人", "Second decider on recusals"),
    (Role.SYSTEM_ADMIN, 1, "人员、账号与单位", "People, accounts and bodies"),
    (
        Role.SECURITY_ADMIN,
        2,
        "评判类授权与上级决定的录入须两人",
        "Judging grants, and a superior authority's decision, take two",
    ),
    (Role.AUDITOR, 1, "查阅审计记录", "Reads the audit"),
)

ROLE_NAMES: dict[Role, tuple[str, str]] = {
    Role.LEAGUE_OFFICE: ("委员会办公室", "League committee office: files, admits, runs the year"),
    Role.LEAGUE_COMMITTEE: ("委员会领导", "League committee: deliberates and approves"),
    Role.DISCIPLINE_INSPECTOR: ("纪检监察", "Discipline inspector: second decider on recusals"),
    Role.LEAGUE_DEPARTMENT: ("盟直部门", "League department: its own field"),
    Role.REGION_EDITOR: ("旗县市（区）经办", "Region editor: prepares and submits"),
    Role.REGION_APPROVER: ("旗县市（区）签发", "Region approver: signs and sends"),
    Role.CONSTRUCTION_ENTITY: ("建设主体", "Construction entity: its own projects"),
    Role.EXPERT: ("评审专家", "Expert: reviews what is assigned"),
    Role.AUDITOR: ("审计管理员", "Audit administrator: reads the audit"),
    Role.SYSTEM_ADMIN: ("系统管理员", "System administrator: people, accounts, bodies"),
    Role.SECURITY_ADMIN: ("安全管理员", "Security administrator: grants"),
}
