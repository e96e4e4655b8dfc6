"""How the statements of a push take their values: by name, each name with one type in all of them."""

import re
from typing import Any

from sqlalchemy import Boolean, DateTime, Integer, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

_TYPES: dict[str, Any] = {
    "now": DateTime(timezone=True),
    "run": Uuid(),
    "actor": Uuid(),
    "actor_kind": Text(),
    "source": Text(),
    "strategy": Text(),
    "reason": Text(),
    "regions": ARRAY(Text),
    "met": ARRAY(Integer),
    "refused": Boolean(),
    "dry_run": Boolean(),
}
_NAME = re.compile(r"(?<![:\w]):(\w+)")


def statement(sql: str) -> TextClause:
    """PostgreSQL cannot tell the type of a bare value in a query that selects it."""
    named = dict.fromkeys(_NAME.findall(sql))
    return text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in named))
