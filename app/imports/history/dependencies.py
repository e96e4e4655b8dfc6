"""Who enters what of earlier years, and who reads it; the body is read before the session opens."""

from typing import Annotated

from fastapi import Depends

from app.auth.dependencies import acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.routing import may_answer
from app.imports.history.rules import HISTORY, RESULTS
from app.imports.reading import JSON, LARGEST, NDJSON
from app.imports.receiving import PushedBody, ReceivedBody, receiver

HistoryPusher = Annotated[Caller, acts(HISTORY)]
ResultRecorder = Annotated[Caller, acts(RESULTS)]
HistoryReader = Annotated[Caller, requires("history:read")]
# What was published elsewhere is no secret of anybody's.
ResultReader = Annotated[Caller, requires("directory:read")]

RECEIVED_HISTORY = Depends(receiver(HISTORY), scope="function")
RECEIVED_RESULTS = Depends(receiver(RESULTS), scope="function")
REFUSED = may_answer(e.RECUSED)


class PushedDocuments(PushedBody):
    """JSON and NDJSON only, and no more than fits one receipt."""

    media_types = frozenset({JSON, NDJSON})
    max_body_bytes = LARGEST[JSON]


PushedHistory = Annotated[ReceivedBody, Depends(PushedDocuments())]
