"""How a region stands with a task: by calendar days, the day it is due still in time."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.tasks.reporting.rules import LineState, standing

days = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(due=days, today=days)
def test_what_is_not_done_is_late_from_the_day_after(due: date, today: date) -> None:
    found = standing(due_on=due, done_on=None, today=today)
    assert found.state is (LineState.LATE if today > due else LineState.PENDING)
    assert found.days_late == max(0, (today - due).days)


@given(due=days, done=days, today=days)
def test_what_is_done_does_not_get_later(due: date, done: date, today: date) -> None:
    found = standing(due_on=due, done_on=done, today=today)
    assert found == standing(due_on=due, done_on=done, today=today + timedelta(days=400))
    assert found.state is (LineState.DONE_LATE if done > due else LineState.DONE)
    assert (found.days_late > 0) is (found.state is LineState.DONE_LATE)
