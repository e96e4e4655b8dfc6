"""Passwords (argon2id), and the digests of secrets that we generate. The only module that imports passlib."""

import asyncio
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from itertools import pairwise

from passlib.hash import argon2

MAX_PASSWORD_BYTES = 1024
MIN_PASSWORD_LENGTH = 10
LONG_PASSWORD_LENGTH = 16  # from here on the classes of characters do not matter

_MEMORY_KIB, _PASSES, _LANES = 19456, 2, 1
# Loaded now: passlib's own loading at first use fails when two threads come first together.
argon2.set_backend("argon2_cffi")
_hasher = argon2.using(  # type: ignore[no-untyped-call]  # passlib's stubs leave it open
    type="ID", memory_cost=_MEMORY_KIB, time_cost=_PASSES, parallelism=_LANES, salt_len=16, hash_len=32
)

# The digits are bounded so that a stored row cannot order a gigabyte or an hour.
_STORED = re.compile(
    r"\$argon2id\$v=19\$m=[0-9]{1,6},t=[0-9]{1,2},p=[0-9]{1,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)
# Nobody knows a password with an all-zero digest; verifying against it costs what a real one costs.
_DUMMY = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${'A' * 22}${'A' * 43}"

# Threads of their own rather than a semaphore around the shared ones: the bound holds although a cancelled
# request leaves its thread at work, and it belongs to no event loop. Half the cores stay free for requests.
_threads = ThreadPoolExecutor(max_workers=max(2, (os.cpu_count() or 2) // 2), thread_name_prefix="password")


async def hash_password(plain: str) -> str:
    """The argon2id hash to store (PHC string); ValueError if empty, too long or not encodable."""
    secret = _prepare(plain)
    if secret is None:
        raise ValueError("the password is empty, too long or not encodable")
    hashed: str = await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, secret)
    return hashed


async def verify_password(plain: str, stored: str | None) -> bool:
    """Whether ``stored`` was made from ``plain``; False, never an exception, if either is unusable.

    ``stored`` is None for an account that is unknown or has no password. Every refusal takes the time of a
    verification: a quick one would tell which accounts exist.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, _prepare(plain), stored)


async def dummy_verify() -> None:
    """Spend the time of a verification. Called once at start, so that the first login is no slower."""
    await verify_password("", None)


def needs_rehash(stored: str) -> bool:
    """Whether ``stored`` was made with other parameters than today's, or is no hash of ours."""
    try:
        return not _STORED.fullmatch(stored) or bool(_hasher.needs_update(stored))
    except ValueError:
        return True


def _prepare(plain: str) -> bytes | None:
    """The bytes that are hashed, None if there are none to hash.

    NFKC (NIST SP 800-63B): an input method types the same letter full-width today and half-width tomorrow.
    """
    if not 0 < len(plain) <= MAX_PASSWORD_BYTES:
        return None
    try:
        secret = unicodedata.normalize("NFKC", plain).encode()
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return secret if len(secret) <= MAX_PASSWORD_BYTES else None


def _verify(secret: bytes | None, stored: str | None) -> bool:
    if secret is None or stored is None or not _STORED.fullmatch(stored):
        _hasher.verify(b"dummy", _DUMMY)
        return False
    try:
        return bool(_hasher.verify(secret, stored))
    except ValueError:
        return False


class Weakness(StrEnum):
    """Why a new password is refused: a code to translate."""

    TOO_LONG = "too_long"
    CONTROL_CHARACTER = "control_character"
    TOO_SHORT = "too_short"
    TOO_FEW_CLASSES = "too_few_classes"
    CONTAINS_USERNAME = "contains_username"
    REPETITIVE = "repetitive"
    SEQUENTIAL = "sequential"
    COMMON = "common"


_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = frozenset(pair for run in _RUNS for way in (run, run[::-1]) for pair in pairwise(way))
# What people decorate with a capital, digits and a mark to satisfy a rule about classes.
_COMMON_WORD = re.compile(
    "p[a@]ssw[o0]rd|admin(istrator)?|root|test|user|login|secret|welcome|letmein|changeme|iloveyou"
    "|qwerty|woaini|mima|liangshan"
)
_DECORATION = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def password_weakness(plain: str, username: str) -> Weakness | None:
    """The first objection to a new password, None if it will do.

    At least 10 characters of three classes (lower case, upper case, digits, all others, Chinese among them),
    or 16 of any; not the username, not a run of the keyboard, not a decorated word (NIST SP 800-63B).
    """
    if len(plain) > MAX_PASSWORD_BYTES:
        return Weakness.TOO_LONG
    text = unicodedata.normalize("NFKC", plain)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        return Weakness.CONTROL_CHARACTER
    if len(text.encode()) > MAX_PASSWORD_BYTES:
        return Weakness.TOO_LONG
    folded = text.casefold()
    objections: tuple[tuple[Weakness, Callable[[], bool]], ...] = (
        (Weakness.TOO_SHORT, lambda: len(text) < MIN_PASSWORD_LENGTH),
        (Weakness.TOO_FEW_CLASSES, lambda: len(text) < LONG_PASSWORD_LENGTH and _classes(text) < 3),
        (Weakness.CONTAINS_USERNAME, lambda: any(name in folded for name in _names(username))),
        # The second half finds a unit said over and over: it fits into its own double, shifted.
        (Weakness.REPETITIVE, lambda: len(set(folded)) < 5 or folded in (folded * 2)[1:-1]),
        (Weakness.SEQUENTIAL, lambda: _steps(folded) > len(folded) / 2),
        (Weakness.COMMON, lambda: bool(_COMMON_WORD.fullmatch(_DECORATION.sub("", folded)))),
    )
    return next((weakness for weakness, applies in objections if applies()), None)


def _classes(text: str) -> int:
    return len({(letter.islower(), letter.isupper(), letter.isdigit()) for letter in text})


def _names(username: str) -> list[str]:
    """The username, and an address's part before the @; names of one or two letters forbid too much."""
    folded = unicodedata.normalize("NFKC", username).casefold()
    return [name for name in (folded, folded.partition("@")[0]) if len(name.encode(errors="replace")) > 2]


def _steps(folded: str) -> int:
    return sum(pair in _NEIGHBOURS or pair[0] == pair[1] for pair in pairwise(folded))


def new_secret() -> str:
    """A client secret or refresh token: 256 random bits, URL-safe, 43 characters."""
    return secrets.token_urlsafe(32)


def secret_digest(secret: str) -> str:
    """SHA-256 in hex: enough for 256 random bits, where a slow hash would only cost. Not for passwords."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def same_digest(left: str, right: str) -> bool:
    """Compare in constant time; unlike ``hmac.compare_digest`` it takes any text."""
    return hmac.compare_digest(left.encode(errors="surrogatepass"), right.encode(errors="surrogatepass"))
