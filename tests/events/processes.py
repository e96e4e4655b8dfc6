"""A courier in a process of its own, to be killed."""

import asyncio
from datetime import UTC, datetime, timedelta

from app.core.clock import SystemClock
from app.core.config import Settings
from app.core.db import Database
from app.events import courier
from app.events.courier import Courier
from app.events.sealing import Seal
from tests.events.receiving import Wire, network


class _Going(SystemClock):
    def now(self) -> datetime:
        return datetime.now(UTC)


def send(settings: Settings, port: int) -> None:
    # A killed courier's subscription waits for the end of its lease; the test cannot wait a minute.
    # It must be longer than an attempt all the same, also on a machine that has other things to do.
    courier.LEASE = timedelta(seconds=4)
    courier._IDLE_SECONDS = 0.05

    async def body() -> None:
        database = Database(settings.worker_url, clock=_Going(), pool_size=2)
        requests = Database(settings.app_url, clock=_Going(), pool_size=2)
        seal = Seal(settings.secret_key.get_secret_value())
        await Courier(database, requests, network(Wire(port)), seal).run(asyncio.Event())

    asyncio.run(body())
