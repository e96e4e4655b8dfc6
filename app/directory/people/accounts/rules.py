"""The life of an account. Nobody disables their own: the last administrator cannot be locked out by mistake."""

from app.core.workflow import Side, Transition, Workflow

ACTIVE, DISABLED = "active", "disabled"

ACCOUNT_LIFE = Workflow(
    "account",
    [
        Transition("disable", frozenset({ACTIVE}), DISABLED, "people:write", Side.LEAGUE, distinct_from=("hold",)),
        Transition("enable", frozenset({DISABLED}), ACTIVE, "people:write", Side.LEAGUE, distinct_from=("hold",)),
    ],
)
