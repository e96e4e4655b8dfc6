import asyncio
import hashlib
import re
import threading
from collections import Counter
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth import passwords
from app.auth.passwords import (
    MAX_PASSWORD_BYTES,
    Weakness,
    dummy_verify,
    hash_password,
    needs_rehash,
    new_secret,
    password_weakness,
    same_digest,
    secret_digest,
    verify_password,
)

GOOD = "Grassland-2026-两山"
# Made elsewhere, from "password": other costs, other types of argon2, other schemes.
OLD_COSTS = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
ARGON2I = "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"
BCRYPT = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
slow = settings(deadline=None, max_examples=15)


async def test_hash_is_argon2id_with_our_costs_and_a_salt() -> None:
    stored = await hash_password(GOOD)

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != await hash_password(GOOD)
    assert not needs_rehash(stored)


async def test_only_the_password_verifies() -> None:
    stored = await hash_password(GOOD)

    assert await verify_password(GOOD, stored)
    for other in ("", GOOD.lower(), GOOD + " ", GOOD + "\0", GOOD[:-1], "\ud800", "x" * 2000):
        assert not await verify_password(other, stored)


async def test_full_width_typing_is_the_same_password() -> None:
    stored = await hash_password("Grassland-2026")

    assert await verify_password("Ｇｒａｓｓｌａｎｄ－２０２６", stored)


@pytest.mark.parametrize("plain", ["", "x" * 1025, "两" * 342, "\ufdfa" * 100, "lone \ud800 surrogate"])
async def test_unusable_passwords_are_not_hashed(plain: str) -> None:
    with pytest.raises(ValueError, match="empty, too long or not encodable") as refused:
        await hash_password(plain)
    # The text of an encoding error would carry the password into the log.
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


@pytest.mark.parametrize("plain", ["x", "x" * MAX_PASSWORD_BYTES, "两" * 341, "nul \0 inside"])
async def test_everything_within_the_bound_is_hashed(plain: str) -> None:
    assert await verify_password(plain, await hash_password(plain))


async def test_a_hash_with_older_costs_still_verifies_and_asks_for_a_new_one() -> None:
    assert await verify_password("password", OLD_COSTS)
    assert needs_rehash(OLD_COSTS)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "password",
        "*",
        ARGON2I,
        BCRYPT,
        OLD_COSTS + "\n",
        OLD_COSTS.replace("$v=19", ""),
        OLD_COSTS.replace("$v=19", "$v=20"),
        OLD_COSTS.replace("m=65536", "m=4194304"),  # would ask for 4 GiB
        OLD_COSTS.replace("t=2", "t=4294967295"),
        OLD_COSTS.replace("m=65536", "m=1"),
        OLD_COSTS.replace("t=2", "t=0"),
        OLD_COSTS.replace("p=1", "p=0"),
        OLD_COSTS.replace("p=1", "p=1,keyid=x"),  # makes passlib raise NotImplementedError
        OLD_COSTS[:-1],
        OLD_COSTS[:60],
        OLD_COSTS.replace("c29tZXNhbHQ", "两两两两两两两两两两两"),
        OLD_COSTS + "\ud800",
    ],
)
async def test_an_unusable_stored_hash_never_verifies(stored: str | None) -> None:
    assert not await verify_password("password", stored)
    assert stored is None or needs_rehash(stored)


@slow
@given(plain=ANY_TEXT, stored=ANY_TEXT | st.from_regex(passwords._STORED, fullmatch=True))
def test_verify_never_raises(plain: str, stored: str) -> None:
    assert asyncio.run(verify_password(plain, stored)) is False
    assert needs_rehash(stored) in (True, False)


@pytest.mark.parametrize(
    ("plain", "stored"), [("", OLD_COSTS), ("x" * 2000, OLD_COSTS), (GOOD, None), (GOOD, "malformed")]
)
async def test_every_refusal_costs_a_verification(
    plain: str, stored: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quick answer would tell a known account from an unknown one."""
    verified: list[str] = []
    monkeypatch.setattr(passwords._hasher, "verify", lambda _, stored: verified.append(stored))

    assert not await verify_password(plain, stored)
    assert verified == [passwords._DUMMY]


async def test_the_dummy_costs_what_a_real_hash_costs() -> None:
    real = await hash_password(GOOD)

    assert re.split(r"\$", passwords._DUMMY)[:4] == re.split(r"\$", real)[:4]
    assert len(passwords._DUMMY) == len(real)
    assert not needs_rehash(passwords._DUMMY)
    await dummy_verify()


def test_several_event_loops_share_the_threads() -> None:
    async def burst() -> list[bool]:
        return await asyncio.gather(*(verify_password("x", None) for _ in range(8)))

    for _ in range(3):
        assert asyncio.run(burst()) == [False] * 8


async def test_threads_are_bounded_even_when_requests_are_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, full, release = threading.Lock(), threading.Event(), threading.Event()
    bound, running, most = passwords._threads._max_workers, 0, 0

    def verify(*_: object) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == bound:
                full.set()
        release.wait(10)
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(passwords._hasher, "verify", verify)
    for _ in range(3):
        tasks = [asyncio.create_task(dummy_verify()) for _ in range(20)]
        assert await asyncio.to_thread(full.wait, 10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    release.set()
    await dummy_verify()

    assert most == bound


async def test_the_event_loop_runs_on_while_a_password_is_hashed() -> None:
    hashing = asyncio.create_task(hash_password(GOOD))
    turns, started = 0, perf_counter()
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
        assert perf_counter() - started < 30
    assert turns > 10


@pytest.mark.parametrize(
    ("plain", "username", "expected"),
    [
        (GOOD, "bayar", None),
        ("Tr0ub4dor&3", "bayar", None),
        ("Tr0ub4dor&", "bayar", None),
        ("Grassland2026", "bayar", None),
        ("correct horse battery staple", "bayar", None),
        ("草原上的雨水很少但是风很大今年", "bayar", Weakness.TOO_FEW_CLASSES),
        ("草原上的雨水很少但是风很大今年好", "bayar", None),
        ("草原Aa1两山生态产业", "bayar", None),
        ("", "bayar", Weakness.TOO_SHORT),
        ("Aa1!Aa1!x", "bayar", Weakness.TOO_SHORT),
        ("lowercase-only", "bayar", Weakness.TOO_FEW_CLASSES),
        ("x" * 1025, "bayar", Weakness.TOO_LONG),
        ("".join(f"{number:03d}x" for number in range(256)), "bayar", None),  # 1024 bytes
        ("两" * 400, "bayar", Weakness.TOO_LONG),
        ("\ufdfa" * 100, "bayar", Weakness.TOO_LONG),  # grows eleven-fold when normalised
        ("\u03b1\u0313\u0300\u0345" * 257, "bayar", Weakness.TOO_LONG),  # shrinks
        ("Grassland\0-2026", "bayar", Weakness.CONTROL_CHARACTER),
        ("Grassland\n-2026", "bayar", Weakness.CONTROL_CHARACTER),
        ("Grassland\ud800-2026", "bayar", Weakness.CONTROL_CHARACTER),
        ("My-Name-BAYAR-1", "bayar", Weakness.CONTAINS_USERNAME),
        ("My-Name-Bayar-1", "BAYAR", Weakness.CONTAINS_USERNAME),
        ("My-Name-ＢＡＹＡＲ-1", "bayar", Weakness.CONTAINS_USERNAME),
        ("My-Name-Bayar-1", "bayar@office.example", Weakness.CONTAINS_USERNAME),
        ("王伟-Grassland-2026", "王伟", Weakness.CONTAINS_USERNAME),
        (GOOD, "g", None),
        (GOOD, "gr", None),
        ("My-Name-Bay-2026", "bay", Weakness.CONTAINS_USERNAME),
        (GOOD, "", None),
        (GOOD, "\ud800", None),
        ("aaaaaaaaaaaaaaaaaaaa", "bayar", Weakness.REPETITIVE),
        ("acegaecgacgeagce", "bayar", Weakness.REPETITIVE),
        ("Ab1-xA1b-x", "bayar", None),  # five different characters
        ("Steppe1!Steppe1!Steppe1!", "bayar", Weakness.REPETITIVE),
        ("abcdefghijklmnop", "bayar", Weakness.SEQUENTIAL),
        ("ponmlkjihgfedcba", "bayar", Weakness.SEQUENTIAL),
        ("AAAAxxxx9999!!!!zzzz", "bayar", Weakness.SEQUENTIAL),
        ("Qwertyuiop123!", "bayar", Weakness.SEQUENTIAL),
        ("Abcdef-7-W", "bayar", None),  # half of it, no more
        ("Password2026!", "bayar", Weakness.COMMON),
        ("P@ssw0rd2026!", "bayar", Weakness.COMMON),
        ("Ｐａｓｓｗｏｒｄ２０２６！", "bayar", Weakness.COMMON),
        ("Liangshan-2026", "bayar", Weakness.COMMON),
    ],
)
def test_password_weakness(plain: str, username: str, expected: Weakness | None) -> None:
    assert password_weakness(plain, username) == expected


@settings(deadline=None)
@given(plain=st.text(st.characters(exclude_categories=())), username=ANY_TEXT)
def test_a_strong_password_can_be_hashed(plain: str, username: str) -> None:
    if password_weakness(plain, username) is None:
        assert passwords._prepare(plain) is not None


def test_secrets_are_long_random_and_url_safe() -> None:
    made = Counter(new_secret() for _ in range(100))

    assert max(made.values()) == 1
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in made)


def test_secret_digest_is_sha256_of_exactly_this_text() -> None:
    assert secret_digest("abc") == hashlib.sha256(b"abc").hexdigest()
    assert secret_digest("ａ") != secret_digest("a")
    assert secret_digest("\ud800") != secret_digest("?")


def test_same_digest_takes_any_text() -> None:
    assert same_digest(secret_digest("abc"), hashlib.sha256(b"abc").hexdigest())
    assert not same_digest(secret_digest("abc"), secret_digest("abd"))
    assert not same_digest("两山", "\ud800")
    assert not same_digest("", "a")
