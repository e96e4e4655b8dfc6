"""The access policy as served: made from the tables that enforce it."""

from sqlalchemy import Row

from app.auth.principal import Caller
from app.auth.schemas import (
    AccessPolicy,
    ClassEntry,
    GrantOfMine,
    Me,
    MissingScope,
    RoleEntry,
    ScopeEntry,
    StaffingEntry,
    TableEntry,
)
from app.auth.scopes import (
    CLIENT_SCOPES,
    CONDITIONS,
    JUDGING_ROLES,
    MINIMUM_STAFFING,
    ORGANISATION_BOUND,
    REGION_BOUND,
    ROLE_NAMES,
    ROLE_SCOPES,
    SCOPES,
    Scope,
)
from app.core.language import say
from app.models import metadata
from app.models.base import TableClass
from app.models.identity import Role

_REASONS = {
    "no_role": ("您的角色不含此权限", "None of your roles gives it"),
    "commitment_missing": ("须先作出本年度承诺（第11条）", "It needs this year's commitment (Art. 11)"),
    "declaration_missing": ("须先提交本年度申报（第11条）", "It needs this year's declaration (Art. 11)"),
    "assignment_missing": (
        "须先接受有效的评审任务（第11条）",
        "It needs a live assignment that you accepted (Art. 11)",
    ),
    "not_asked_for": ("令牌未申请此权限", "The token was asked for fewer scopes"),
}

# What each class holds, who reads it, and what becomes of it for a person who is recused from one of its subjects.
_UNTOUCHED = ("不受影响", "Untouched")
_HIDDEN = ("如同不存在（404），不可写入", "As if it did not exist (404), and not to be written")
_NO_ACTS = (
    "照常可读；办理、评判一律拒绝（403 recused）",
    "Read as before; every act that handles or judges is 403 `recused`",
)
_CLASSES: dict[TableClass, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    TableClass.REFERENCE: (
        ("区划、指标、办法等基础数据", "Regions, indicators, schemes"),
        ("所有用户", "Everybody"),
        _UNTOUCHED,
    ),
    TableClass.DOSSIER: (
        ("计划、项目、自评估、上报的案例", "Plans, projects, self-evaluations, cases as filed"),
        ("按授权", "By grant: own region, own projects, own field, the league's office"),
        _NO_ACTS,
    ),
    TableClass.PROCEEDING: (
        ("备案、退回、审定等办理结果", "Filings, returns, admissions"),
        ("相对人与办理人", "Addressee and handlers"),
        _NO_ACTS,
    ),
    TableClass.JUDGEMENT: (
        ("评审组、评审任务、评分表、评议档案", "Panels, assignments, sheets, appraisal files"),
        (
            "办公室、委员会；专家仅限本人任务",
            "Office and committee; an expert the own assignment; never the region's staff",
        ),
        _HIDDEN,
    ),
    TableClass.CONFLICT: (
        ("承诺、申报、回避及其决定", "Commitments, declarations, recusals, decisions"),
        ("本人（不含发起人）；有权决定人", "The person self (never who began it); those who decide"),
        _HIDDEN,
    ),
    TableClass.PUBLISHED: (
        ("公示、公布的结果", "What was published, as frozen bytes"),
        ("所有用户", "Everybody"),
        _UNTOUCHED,
    ),
    TableClass.IDENTITY: (
        ("人员、任职、账号、授权", "People, employment, accounts, grants"),
        ("本人；分管的管理员", "The person self; administrators, each their part"),
        _UNTOUCHED,
    ),
    TableClass.MACHINERY: (
        ("审计、任务队列、导入、附件", "Audit, jobs, imports, attachments"),
        ("随其所述对象的类别", "As the class of what it speaks of"),
        ("随其所述对象的类别", "As the class of what it speaks of"),
    ),
}

_UNMET = {"commitment": "commitment_missing", "declaration": "declaration_missing"}


def me(caller: Caller, person: Row[str, str] | None) -> Me:
    """`GET /v1/me`: every scope is either in effect or missing with its reason."""
    by_role = frozenset().union(*(ROLE_SCOPES[grant.role] for grant in caller.grants))
    if caller.is_client:
        by_role = frozenset(caller.client["scopes"])
    return Me(
        kind=caller.entry.kind,
        id=caller.id,
        name=caller.client["name"] if caller.is_client else (person.name if person else ""),
        username=person.username if person else None,
        client_id=caller.client_id,
        source_system=caller.client.get("source_system"),
        grants=[
            GrantOfMine(
                id=grant.id,
                role=grant.role,
                role_name=ROLE_NAMES[grant.role][0],
                region_code=grant.region_code,
                organisation_id=grant.organisation_id,
            )
            for grant in caller.grants
        ],
        scopes=sorted(caller.scopes),
        missing_scopes=[
            _missing(scope, by_role, caller.met) for code, scope in SCOPES.items() if code not in caller.scopes
        ],
    )


def _missing(scope: Scope, by_role: frozenset[str], met: frozenset[str]) -> MissingScope:
    unmet = [condition for condition in CONDITIONS.get(scope.code, ()) if condition not in met]
    # Of several conditions the first: they are met in this order.
    held = _UNMET.get(unmet[0], "assignment_missing") if unmet else "not_asked_for"
    reason = held if scope.code in by_role else "no_role"
    return MissingScope(scope=scope.code, name=scope.zh, reason=reason, detail=say(*_REASONS[reason]))


def access_policy() -> AccessPolicy:
    return AccessPolicy(
        scopes=[
            ScopeEntry(
                scope=scope.code,
                name=scope.zh,
                name_en=scope.en,
                article=scope.article,
                judging=scope.judging,
            )
            for scope in SCOPES.values()
        ],
        roles=[
            RoleEntry(
                role=role,
                name=ROLE_NAMES[role][0],
                name_en=ROLE_NAMES[role][1],
                bound_to=_bound_to(role),
                scopes=sorted(ROLE_SCOPES[role]),
                needs_second_person=role in JUDGING_ROLES,
            )
            for role in Role
        ],
        client_scopes=sorted(CLIENT_SCOPES),
        classes=[
            ClassEntry(
                table_class=table_class,
                holds=say(*_CLASSES[table_class][0]),
                read_by=say(*_CLASSES[table_class][1]),
                when_recused=say(*_CLASSES[table_class][2]),
                tables=[
                    TableEntry(name=table.name, subjects=sorted({s.kind for s in table.info["subjects"]}))
                    for table in sorted(metadata.tables.values(), key=lambda table: table.name)
                    if table.info.get("class") is table_class
                ],
            )
            for table_class in TableClass
        ],
        minimum_staffing=[
            StaffingEntry(role=role, people=people, reason=say(zh, en)) for role, people, zh, en in MINIMUM_STAFFING
        ],
    )


def as_markdown() -> str:
    """The scopes and the role matrix as the README prints them (a test compares)."""
    lines = ["| scope | meaning | roles |", "| --- | --- | --- |"]
    for scope in SCOPES.values():
        roles = ", ".join(f"`{role}`" for role in Role if scope.code in ROLE_SCOPES[role])
        machine = "*machine clients*" if scope.code in CLIENT_SCOPES else ""
        mark = " ⚖" if scope.judging else ""
        lines.append(
            f"| `{scope.code}`{mark} | {scope.en} ({scope.zh}) | {', '.join(filter(None, [roles, machine]))} |"
        )
    return "\n".join(lines)


def _bound_to(role: Role) -> str | None:
    if role in REGION_BOUND:
        return "region"
    return "organisation" if role in ORGANISATION_BOUND else None
