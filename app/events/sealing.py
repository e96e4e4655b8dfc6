"""Keys from the server's secret, and the sealing of secrets that must be used again."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


def derived(secret: str, purpose: bytes) -> bytes:
    """A 256-bit key for one purpose: what is sealed for another one does not open with it."""
    return HKDF(SHA256(), 32, None, b"liangshan " + purpose).derive(secret.encode())


class Seal:
    """Seals webhooks' secrets, each bound to its webhook: put beside another one it does not open."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(derived(secret, b"webhook secrets"))

    def close(self, value: bytes, owner: bytes) -> str:
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, value, owner)).decode()

    def open(self, sealed: str, owner: bytes) -> bytes:
        """Raises ValueError for what was sealed with another SECRET_KEY, or for another webhook."""
        raw = base64.b64decode(sealed)
        try:
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], owner)
        except InvalidTag as error:
            raise ValueError("sealed with another secret") from error
