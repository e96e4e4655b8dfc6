"""Counting recusals and invitations by person. The row policies say which ones there are for the caller."""

from typing import Any

from sqlalchemy import Integer, Select, cast, extract, func, select

from app.core.clock import LEAGUE_TIME
from app.core.pagination import Order
from app.declarations.recusals.rules import UNDECIDED
from app.models.declarations import Initiator, Recusal, RecusalState
from app.models.identity import Person
from app.models.reviews import Assignment, AssignmentState


def _year(moment: Any) -> Any:
    return cast(extract("year", func.timezone(LEAGUE_TIME.key, moment)), Integer)


def by_person(*, year: int | None) -> tuple[Select[*tuple[Any, ...]], Order]:
    """One statement, whatever the number of people."""
    recused = (
        select(
            Recusal.person_id.label("person_id"),
            *(
                func.count().filter(Recusal.initiator == initiator).label(name)
                for name, initiator in (
                    ("by_self", Initiator.SELF),
                    ("by_parties", Initiator.INTERESTED_PARTY),
                    ("by_informants", Initiator.INFORMANT),
                    ("by_officers", Initiator.EX_OFFICIO),
                    ("detected", Initiator.DETECTED),
                )
            ),
            func.count().filter(Recusal.state == RecusalState.IN_FORCE).label("in_force"),
            func.count().filter(Recusal.state == RecusalState.REJECTED).label("rejected"),
            func.count().filter(Recusal.state.in_(UNDECIDED)).label("undecided"),
            func.count().label("recusals"),
        )
        .where(*([] if year is None else [_year(Recusal.declared_at) == year]))
        .group_by(Recusal.person_id)
        .subquery()
    )
    seated = (
        select(
            Assignment.person_id.label("person_id"),
            func.count().label("invited"),
            func.count().filter(Assignment.state == AssignmentState.DECLINED).label("declined"),
        )
        .where(*([] if year is None else [_year(Assignment.created_at) == year]))
        .group_by(Assignment.person_id)
        .subquery()
    )
    counted = (
        select(
            *(column for column in recused.c if column.name != "recusals"),
            Person.name.label("person_name"),
            func.coalesce(seated.c.invited, 0).label("invited"),
            func.coalesce(seated.c.declined, 0).label("declined"),
        )
        .join(Person, Person.id == recused.c.person_id)
        .join(seated, seated.c.person_id == recused.c.person_id, isouter=True)
    )
    return counted, Order((recused.c.recusals, recused.c.person_id), descending=True)
