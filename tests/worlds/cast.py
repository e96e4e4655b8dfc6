"""Who is in the worlds. `S` is the subject from which the walled are recused; everybody is an example (示例)."""

from dataclasses import dataclass

from app.models.identity import Role

S, T, U = "152501", "152502", "152522"
YEAR = 2026

_OFFICE, _COMMITTEE, _INSPECTOR = Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE, Role.DISCIPLINE_INSPECTOR
_EDITOR, _APPROVER, _EXPERT = Role.REGION_EDITOR, Role.REGION_APPROVER, Role.EXPERT


@dataclass(frozen=True, slots=True)
class Part:
    """`grants`: roles, with the region or the key of the organisation that they are bound to."""

    grants: tuple[tuple[Role, str | None], ...]
    judges: bool = False
    employed: bool = False
    pool: bool = False


def _one(role: Role, bound: str | None = None, **more: bool) -> Part:
    return Part(((role, bound),), **more)


# The walled person, in every capacity. `w_late` sat on the panels of S, and left them when recused.
WALLED: dict[str, Part] = {
    "w_expert": _one(_EXPERT, judges=True, employed=True, pool=True),
    "w_officer": _one(_OFFICE, judges=True, employed=True),
    "w_committee": _one(_COMMITTEE, judges=True),
    "w_inspector": _one(_INSPECTOR, judges=True),
    "w_auditor": _one(Role.AUDITOR),
    "w_both": Part(((_EXPERT, None), (_OFFICE, None)), judges=True, employed=True, pool=True),
    "w_abroad": Part(((_OFFICE, None), (_EDITOR, U)), judges=True),
    "w_late": _one(_EXPERT, judges=True, employed=True, pool=True),
}
EXPERTS = tuple(f"expert{number}" for number in range(1, 9))
CAST: dict[str, Part] = {
    "office": _one(_OFFICE, judges=True),
    "office2": _one(_OFFICE, judges=True),
    "committee": _one(_COMMITTEE, judges=True),
    "committee2": _one(_COMMITTEE, judges=True),
    "inspector": _one(_INSPECTOR, judges=True),
    **{key: _one(_EXPERT, judges=True, employed=True, pool=True) for key in EXPERTS},
    **WALLED,
    # Sits on the panels of T, with `w_expert`; barred from S by nothing, and never drawn for it.
    "colleague": _one(_EXPERT, judges=True, employed=True, pool=True),
    # An expert whom nobody assigned.
    "idle": _one(_EXPERT, judges=True, employed=True),
    **{f"editor.{code}": _one(_EDITOR, code) for code in (S, T, U)},
    **{f"approver.{code}": _one(_APPROVER, code) for code in (S, T, U)},
    # Recused from the case of S alone.
    "w_case": Part(((_OFFICE, None), (Role.AUDITOR, None)), judges=True),
    # Staff of S who also hold an office: who is judged there does not judge.
    "insider": Part(((_OFFICE, None), (_EDITOR, S)), judges=True),
    "department": _one(Role.LEAGUE_DEPARTMENT, "department"),
    "entity": _one(Role.CONSTRUCTION_ENTITY, "cooperative"),
    "auditor": _one(Role.AUDITOR),
    "sysadmin": _one(Role.SYSTEM_ADMIN),
    "secadmin": _one(Role.SECURITY_ADMIN),
}
ORGANISATIONS: dict[str, tuple[str, str, str]] = {
    "institute": ("草原生态研究机构（示例）", "institute", "152500"),
    "department": ("盟农牧部门（示例）", "department", "152500"),
    "cooperative": ("牧民专业合作社（示例）", "cooperative", T),
    f"investor.{S}": ("二连乳业（示例）", "enterprise", S),
    f"investor.{T}": ("锡林肉业（示例）", "enterprise", T),
}
