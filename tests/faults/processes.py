"""Bodies of the processes that are killed: the server is the tests' own, the worker is one that is back soon, and the
client streams its body slowly and may die at a byte.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import httpx

from app import worker
from app.core.config import Settings
from tests import processes
from tests.imports.pushing import PUSH

serve = processes.serve
PATIENCE = 60.0


def work(settings: Settings) -> None:
    # A killed worker's job waits for the end of its lease; a round cannot wait a minute.
    worker.LEASE = timedelta(seconds=2)
    worker._TROUBLED_SECONDS = 0.2
    processes.work_for_tests(settings)


def send(
    base: str,
    query: str,
    headers: dict[str, str],
    pieces: Sequence[bytes],
    pause: float,
    dies_before: int | None,
    told: "Connection[Any, Any]",
) -> None:
    """Push; tell of the beginning, of the body's end, and of the answer or why there was none."""

    def body() -> Iterator[bytes]:
        for number, piece in enumerate(pieces):
            if number == dies_before:
                os.kill(os.getpid(), signal.SIGKILL)
            yield piece
            time.sleep(pause)
        told.send(("sent",))

    told.send(("begun",))
    try:
        answer = httpx.post(base + PUSH + query, content=body(), headers=headers, timeout=PATIENCE)
    except httpx.TransportError as error:
        told.send(("broken", type(error).__name__))
    else:
        told.send(("answered", answer.status_code))
