"""Time and ids as ports, so that tests and replays can hold them still."""

import secrets
from datetime import UTC, date, datetime
from typing import Protocol
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

# Dates (due today, document dates) are those of the league's own time zone.
LEAGUE_TIME = ZoneInfo("Asia/Shanghai")


def league_date(moment: datetime) -> date:
    """The calendar day in the league: what "today" and "late" mean."""
    return moment.astimezone(LEAGUE_TIME).date()


class Clock(Protocol):
    def now(self) -> datetime: ...


class Ids(Protocol):
    def dossier(self, now: datetime) -> UUID:
        """Time-ordered (UUIDv7), for dossier rows."""
        ...

    def random(self) -> UUID:
        """Random (UUIDv4), wherever an ordered id would tell when something happened."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemIds:
    def dossier(self, now: datetime) -> UUID:
        return uuid7(now, secrets.randbits(74))

    def random(self) -> UUID:
        return uuid4()


def uuid7(now: datetime, entropy: int) -> UUID:
    """RFC 9562 version 7: 48 bits of milliseconds, then 74 bits of entropy around version and variant."""
    milliseconds = int(now.timestamp() * 1000)
    high, low = entropy >> 62, entropy & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low)
