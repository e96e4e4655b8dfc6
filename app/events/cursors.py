"""The feed's cursors: a position, sealed for one reader.

Positions count what others' systems did, too: a reader who saw them could tell how much that was. So the cursor is
encrypted, not only signed. The same place has always the same cursor, so that a poll which brought nothing says
nothing by it, either. It is bound to who reads, and to no filter: it is a place in the feed, which may be acknowledged
or read on from with another filter.
"""

import base64
import binascii
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from app.events.sealing import derived

_BYTES = 8


class Cursors:
    def __init__(self, secret: str) -> None:
        self._cipher = AESSIV(derived(secret, b"event cursors"))

    def of(self, position: int, reader: UUID) -> str:
        sealed = self._cipher.encrypt(position.to_bytes(_BYTES), [reader.bytes])
        return base64.urlsafe_b64encode(sealed).decode()

    def read(self, cursor: str, reader: UUID) -> int | None:
        """The position; None for what is no cursor of this reader."""
        try:
            sealed = base64.b64decode(cursor, altchars=b"-_", validate=True)
            return int.from_bytes(self._cipher.decrypt(sealed, [reader.bytes]))
        except (ValueError, binascii.Error, InvalidTag):
            return None
