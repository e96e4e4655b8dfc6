"""The life of a recusal (回避, Art. 11): a pure table, and what a subject is.

| started by                     | begins as     | effect                                          |
|--------------------------------|---------------|-------------------------------------------------|
| the person (自行回避)            | `provisional` | barred at once                                  |
| a decider (决定回避)             | `provisional` | barred at once; nothing of it is graded meanwhile |
| an interested party (申请回避)   | `pending`     | nobody is barred; nothing of it is graded meanwhile |
| anybody who informs (提供情况)   | `pending`     | the same                                        |

Decided by somebody else: `in_force` (what the person did is void) or `rejected` (it resumes). Lifted by two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.core.errors import FieldError, Reason
from app.core.workflow import Side, Transition, Workflow
from app.models.base import SubjectKind
from app.models.declarations import RecusalState

APPLY, DECIDE = "recusals:apply", "recusals:decide"

LIFE = Workflow(
    "recusal",
    (
        Transition(
            "decide",
            frozenset({RecusalState.PENDING, RecusalState.PROVISIONAL}),
            None,
            DECIDE,
            Side.LEAGUE,
            distinct_from=("initiate",),
        ),
        Transition(
            "lift",
            frozenset({RecusalState.IN_FORCE}),
            None,
            DECIDE,
            Side.LEAGUE,
            distinct_from=("propose",),
        ),
    ),
)

UNDECIDED = (RecusalState.PENDING, RecusalState.PROVISIONAL)

NOT_ONESELF = Reason("same_person", "自行回避请使用 self", "To recuse yourself, the initiator is `self`")


NO_DECIDER_LEFT = Reason(
    "no_decider_left", "除发起人外已无人可以决定", "Nobody but who orders it would be left to decide on it"
)


class Initiation(StrEnum):
    """Who starts it, as far as a person can say so; what a check detects is the system's own."""

    SELF = "self"
    INTERESTED_PARTY = "interested_party"
    INFORMANT = "informant"
    EX_OFFICIO = "ex_officio"


# Taken without content, whoever is named: the answer must not tell who exists, sits or is recused.
APPLICATIONS = frozenset({Initiation.INTERESTED_PARTY, Initiation.INFORMANT})


class Decision(StrEnum):
    """回避决定 and 不予回避决定."""

    IN_FORCE = "in_force"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class BarredFrom:
    """The one subject of a recusal."""

    kind: SubjectKind
    key: str | UUID

    @property
    def wall(self) -> str:
        """As `walls.subject` has it."""
        return f"{self.kind}:{self.key}"

    def id_of(self, kind: SubjectKind) -> UUID | None:
        return self.key if self.kind is kind and isinstance(self.key, UUID) else None


_MEMBERS = (
    ("region_code", SubjectKind.REGION),
    ("organisation_id", SubjectKind.ORGANISATION),
    ("project_id", SubjectKind.PROJECT),
    ("case_id", SubjectKind.CASE),
)
POINTERS = {kind: member for member, kind in _MEMBERS}


def named(values: Sequence[str | UUID | None]) -> tuple[BarredFrom, ...]:
    """The subjects among region, organisation, project and case, in this order."""
    pairs = zip(_MEMBERS, values, strict=True)
    return tuple(BarredFrom(kind, value) for (_, kind), value in pairs if value is not None)


def subject_faults(subjects: Sequence[BarredFrom], *, base: str = "", needed: bool = True) -> list[FieldError]:
    """A recusal is from exactly one subject."""
    if not subjects:
        return [FieldError(f"{base}/region_code", "required")] if needed else []
    return [FieldError(f"{base}/{POINTERS[subject.kind]}", "too_many") for subject in subjects[1:]]


def person_faults(initiator: Initiation, person_id: UUID | None, caller: UUID | None) -> list[FieldError]:
    """One's own recusal names nobody, any other names somebody else."""
    if initiator is Initiation.SELF:
        return [] if person_id in {None, caller} else [FieldError("/person_id", "invalid_value")]
    if person_id is None:
        return [FieldError("/person_id", "required")]
    return [FieldError("/person_id", "invalid_value")] if person_id == caller else []
