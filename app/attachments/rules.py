"""Who may add and take away files of what, and when (pure).

A dossier's ordinary files belong to its working copy, so they change while it is editable and whoever writes it
adds them. A sealed scan (盖章扫描件) is of the signed paper: it comes while the signature is due or just given,
and the approver may add it, too.
"""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

from app.core.errors import Reason
from app.models.cases import CaseState
from app.models.evaluations import EvaluationState
from app.models.plans import PlanState
from app.models.projects import Membership

MAX_FILES = 100


class OwnerKind(StrEnum):
    PLAN = "plan"
    PROJECT = "project"
    EVALUATION = "evaluation"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Rule:
    """`editable`: states in which ordinary files change; `sealing`: states in which sealed scans do. `sent`: the
    league has the dossier already, so what is added is released at once.
    """

    read: str
    write: str
    sign: str | None
    editable: Set[str]
    sealing: Set[str]
    sent: Set[str]

    def scopes(self, *, sealed: bool) -> frozenset[str]:
        """Any one of these is enough."""
        return frozenset({self.write, self.sign} - {None}) if sealed else frozenset({self.write})  # type: ignore[arg-type]

    def refusal(self, state: str, *, sealed: bool) -> Reason | None:
        if sealed:
            return None if state in self.sealing else NOT_SEALING
        return None if state in self.editable else NOT_EDITABLE


RULES: dict[OwnerKind, Rule] = {
    OwnerKind.PLAN: Rule(
        "plans:read",
        "plans:write",
        "plans:sign",
        editable={PlanState.DRAFT, PlanState.RETURNED, PlanState.AMENDING},
        sealing={PlanState.AWAITING_SIGNATURE, PlanState.SUBMITTED},
        sent={PlanState.SUBMITTED},
    ),
    # A project is changed in any membership, and nobody signs it.
    OwnerKind.PROJECT: Rule(
        "projects:read",
        "projects:write",
        None,
        editable=set(Membership),
        sealing=set(Membership),
        sent={Membership.PROPOSED, Membership.IN_LIBRARY, Membership.LEFT},
    ),
    OwnerKind.EVALUATION: Rule(
        "evaluations:read",
        "evaluations:write",
        "evaluations:sign",
        editable={EvaluationState.DRAFT, EvaluationState.RETURNED},
        sealing={EvaluationState.AWAITING_SIGNATURE, EvaluationState.SUBMITTED},
        sent={EvaluationState.SUBMITTED},
    ),
    # Recommending is the approver's signature; it has no state of waiting for it.
    OwnerKind.CASE: Rule(
        "cases:read",
        "cases:write",
        "cases:recommend",
        editable={CaseState.DRAFT, CaseState.RETURNED},
        sealing={CaseState.DRAFT, CaseState.RETURNED, CaseState.RECOMMENDED},
        sent={CaseState.RECOMMENDED},
    ),
}
READING = tuple(rule.read for rule in RULES.values())
UPLOADING = tuple(sorted(frozenset().union(*(rule.scopes(sealed=True) for rule in RULES.values()))))

NOT_EDITABLE = Reason("owner_not_editable", "该材料当前状态不能增删附件", "Its files do not change in this state")
NOT_SEALING = Reason(
    "no_signature_due",
    "盖章扫描件应在签发前后上传",
    "A sealed scan is added while the signature is due or just given",
)
RELEASED = Reason("attachment_released", "附件已随材料报送，不能删除", "It was sent with the dossier and stays")
TOO_MANY = Reason("too_many_attachments", f"附件最多 {MAX_FILES} 个", f"At most {MAX_FILES} files")
UNKNOWN_TYPE = Reason(
    "file_type_refused",
    "文件类型不受支持：请上传 PDF、OFD、PNG、JPEG、DOCX 或 XLSX",
    "The file is none of PDF, OFD, PNG, JPEG, DOCX, XLSX",
)
TOO_LARGE = Reason("file_too_large", "文件超过 20 MB", "The file is larger than 20 MB")
