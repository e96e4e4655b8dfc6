"""A check of eligibility as asked and answered."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.fields import Body, Code, Label, QueryYear, RegionCode, Version
from app.core.language import say
from app.declarations.eligibility.rules import RULES, Capacity, Finding, Outcome, outcome


class AskedAboutIn(Body):
    """A region, or one case: exactly one of them."""

    region_code: RegionCode | None = None
    case_id: UUID | None = Field(default=None, examples=[None])


class EligibilityCheckIn(Body):
    """Every person against every subject."""

    capacity: Capacity = Field(default=Capacity.REVIEWER, examples=["reviewer"])
    people: list[UUID] = Field(min_length=1, max_length=50, examples=[["0b9d7c34-2f0e-4d7c-9a61-3c8f1f2f9a10"]])
    subjects: list[AskedAboutIn] = Field(min_length=1, max_length=20, examples=[[{"region_code": "152501"}]])


class FactsOut(BaseModel):
    """What a rule was found by; only the members that apply are set."""

    employment_id: UUID | None = None
    kind: Code | None = None
    organisation_id: UUID | None = None
    organisation_name: Label | None = None
    posted_region: Code | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    affiliate_id: UUID | None = None
    affiliate_name: Label | None = None
    role: Code | None = None
    ended_at: datetime | None = None
    project_id: UUID | None = None
    plan_id: UUID | None = None
    evaluation_id: UUID | None = None
    case_id: UUID | None = None
    version: Version | None = None
    year: QueryYear | None = None
    name: Label | None = None
    organisation: Label | None = None


class FindingOut(BaseModel):
    """A rule that applies. `bars` is false for a hint: names are hints, codes decide."""

    rule: Code = Field(examples=["employed_there"])
    name: Label = Field(examples=["任职、挂职或借调"])
    bars: bool
    facts: FactsOut | None = Field(description="Null where the rule says it all, and for a recusal.")

    @classmethod
    def of(cls, finding: Finding) -> "FindingOut":
        facts = None if finding.facts is None else FactsOut.model_validate(finding.facts)
        return cls(rule=finding.rule, name=say(*RULES[finding.rule]), bars=finding.bars, facts=facts)


class EligibilityOut(BaseModel):
    """One person against one subject."""

    person_id: UUID
    person_name: Label
    region_code: Code
    case_id: UUID | None
    outcome: Outcome
    findings: Annotated[list[FindingOut], Field(max_length=500)]

    @classmethod
    def of(cls, findings: list[Finding], **about: Any) -> "EligibilityOut":
        return cls(outcome=outcome(findings), findings=[FindingOut.of(finding) for finding in findings], **about)


class EligibilityCheckOut(BaseModel):
    """As things stand today: nothing is kept of it, and an assignment is checked again by itself."""

    capacity: Capacity
    on_day: date
    items: Annotated[list[EligibilityOut], Field(max_length=1000)]
