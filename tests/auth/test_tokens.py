import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, get_args
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth.tokens import (
    _MAX_SCOPE_LENGTH,
    MAX_TOKEN_LENGTH,
    Claims,
    RefusalReason,
    SigningKey,
    TokenCodec,
    TokenRefused,
    _encode,
    _scopes,
)
from tests.forge import HOSTILE, Hostile, Members, claims_of, decode, encode, forge, header_for

NOW = 1_800_000_000
KEY = SigningKey.generate("k")
KEYS = {KEY.kid: KEY}
PEM = KEY.private_pem or b""
CODEC = TokenCodec("https://liangshan.example", "https://liangshan.example/v1")
SUBJECT = UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
JTI = UUID("6ba7b811-9dad-41d1-80b4-00c04fd430c8")
FAMILY = UUID("6ba7b812-9dad-41d1-80b4-00c04fd430c8")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# Which check stops which variant. A variant stopped by another check than its own proves nothing about it.
EXPECTED: Mapping[RefusalReason, str] = {
    "length": "overlong",
    "shape": "padded space-inside two-segments four-segments signature-empty alg-none-unsigned",
    "base64": "one-character-over trailing-bits-signature trailing-bits-payload",
    "depth": "header-deep header-deep-objects payload-deep",
    "json": "header-array header-utf16 payload-array payload-not-utf8 payload-trailing-json",
    "duplicate_member": "header-twice claim-twice",
    "signature": "signature-truncated signature-extended signature-zero signature-of-order signature-der "
    "signature-of-another-key payload-swapped hs256-called-es256",
    "header": "crit crit-empty b64-false jku jwk x5u x5c header-unknown",
    "alg": "alg-missing alg-none alg-list alg-es384 hs256-public-pem hs256-public-der",
    "typ": "typ-missing typ-jwt typ-long-form",
    "kid": "kid-missing kid-foreign kid-list kid-path",
    "claims": "nbf-present claim-unknown",
    "iss": "iss-missing iss-wrong",
    "aud": "aud-missing aud-wrong aud-list aud-null",
    "sub": "sub-missing sub-number sub-urn sub-upper-case",
    "kind": "kind-missing kind-unknown",
    "client_id": "client-id-missing client-id-empty client-id-newline",
    "scope": "scope-list scope-empty scope-two-spaces scope-tab scope-twice scope-star scope-too-long",
    "rev": "rev-missing rev-negative rev-bool rev-beyond-bigint",
    "jti": "jti-missing jti-not-uuid",
    "sid": "sid-not-uuid",
    "iat": "iat-missing iat-string iat-bool",
    "exp": "exp-missing exp-string exp-float exp-1e30 exp-nan exp-bool",
    "lifetime": "exp-huge exp-before-iat lifetime-too-long",
    "not_yet_issued": "iat-in-future",
    "expired": "expired",
}
REASON_OF = {name: reason for reason, names in EXPECTED.items() for name in names.split()}


def issue(key: SigningKey = KEY, *, codec: TokenCodec = CODEC, **changes: Any) -> str:
    good: dict[str, Any] = {
        "subject": SUBJECT,
        "kind": "person",
        "client_id": "demo",
        "scopes": frozenset({"plans:write", "plans:read"}),
        "rev": 3,
        "jti": JTI,
        "now": NOW,
        "family": FAMILY,
    }
    return codec.issue(key, **{**good, **changes})


def refusal(token: str, *, now: int = NOW, keys: Mapping[str, SigningKey] = KEYS) -> RefusalReason:
    with pytest.raises(TokenRefused) as refused:
        CODEC.verify(token, keys, now)
    assert str(refused.value) == "token refused"
    return refused.value.reason


def test_issued_token_says_what_rfc_9068_names() -> None:
    token = issue()

    assert json.loads(decode(token.split(".")[0])) == {"alg": "ES256", "typ": "at+jwt", "kid": "k"}
    assert claims_of(token) == {
        "iss": "https://liangshan.example",
        "aud": "https://liangshan.example/v1",
        "sub": str(SUBJECT),
        "kind": "person",
        "client_id": "demo",
        "scope": "plans:read plans:write",
        "rev": 3,
        "iat": NOW,
        "exp": NOW + 900,
        "jti": str(JTI),
        "sid": str(FAMILY),
    }


def test_verified_claims() -> None:
    scopes = frozenset({"plans:read", "plans:write"})

    assert CODEC.verify(issue(), KEYS, NOW) == Claims(
        SUBJECT, "person", "demo", scopes, 3, issued_at=NOW, expires_at=NOW + 900, jti=JTI, family=FAMILY
    )


def test_a_forged_copy_of_a_good_token_is_good() -> None:
    """The hostile variants differ from a token that passes: only then does their refusal mean something."""
    token = forge(header_for(KEY), claims_of(issue()), PEM)

    assert CODEC.verify(token, KEYS, NOW) == CODEC.verify(issue(), KEYS, NOW)


def test_without_scopes_and_family_there_are_no_such_claims() -> None:
    token = issue(scopes=frozenset(), family=None)

    assert {"scope", "sid"}.isdisjoint(claims_of(token))
    claims = CODEC.verify(token, KEYS, NOW)
    assert (claims.scopes, claims.family) == (frozenset(), None)


@pytest.mark.parametrize(("name", "hostile"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_hostile_token_is_refused_for_its_own_reason(name: str, hostile: Hostile) -> None:
    assert refusal(hostile(KEY, claims_of(issue()))) == REASON_OF[name]


def test_every_hostile_token_and_every_reason_is_covered() -> None:
    names = [name for name, _ in HOSTILE]

    assert sorted(names) == sorted(REASON_OF)
    assert set(EXPECTED) == set(get_args(RefusalReason))


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW - 31, "not_yet_issued"), (NOW - 30, None), (NOW + 929, None), (NOW + 930, "expired")],
)
def test_leeway_is_exact(now: int, expected: str | None) -> None:
    if expected is None:
        CODEC.verify(issue(), KEYS, now)
    else:
        assert refusal(issue(), now=now) == expected


def test_lifetime_is_exact() -> None:
    good = claims_of(issue())

    for seconds, accepted in [(0, False), (1, True), (900, True), (901, False)]:
        token = forge(header_for(KEY), {**good, "exp": NOW + seconds}, PEM)
        if accepted:
            CODEC.verify(token, KEYS, NOW)
        else:
            assert refusal(token) == "lifetime"


def test_a_second_valid_signature_keeps_the_jti() -> None:
    """(r, n - s) is as valid as (r, s): whoever bars a token by its text or hash bars nothing."""
    signed, _, signature = issue().rpartition(".")
    s = int.from_bytes(decode(signature)[32:], "big")
    twin = f"{signed}.{encode(decode(signature)[:32] + (P256_ORDER - s).to_bytes(32, 'big'))}"

    assert hashlib.sha256(twin.encode()).digest() != hashlib.sha256(issue().encode()).digest()
    assert CODEC.verify(twin, KEYS, NOW).jti == JTI


def test_a_signature_verifies_outside_jose() -> None:
    signed, _, signature = issue().rpartition(".")
    raw = decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    x, y = (int.from_bytes(decode(KEY.jwk()[name]), "big") for name in "xy")

    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))


def test_kid_chooses_the_key() -> None:
    old, new = SigningKey.generate("old"), SigningKey.generate("new")

    assert refusal(issue(old), keys={"new": new}) == "kid"
    assert refusal(issue(old), keys={"old": new, "new": old}) == "signature"
    CODEC.verify(issue(old), {"old": old, "new": new}, NOW)


def test_public_half_verifies() -> None:
    public = SigningKey("k", None, KEY.jwk())

    assert CODEC.verify(issue(), {"k": public}, NOW).subject == SUBJECT


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "engine"},
        {"client_id": ""},
        {"scopes": frozenset({"*"})},
        {"scopes": frozenset({"plans:read plans:write"})},  # would come back as two
        {"scopes": frozenset(f"plans:read{number}" for number in range(300))},
        {"rev": -1},
        {"rev": True},
        {"now": float(NOW)},
        {"subject": "somebody"},
        {"key": SigningKey("k", None, KEY.public_jwk)},
        {"codec": TokenCodec("i" * MAX_TOKEN_LENGTH, "a")},
        {"codec": TokenCodec("i", "a", lifetime_seconds=0)},
    ],
)
def test_what_would_be_refused_is_not_issued(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"refused|private half"):
        issue(**changes)


# Fuzzing: whatever comes in, either claims come out or TokenRefused.

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates and NUL included
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
SCOPES = st.frozensets(st.from_regex(r"[a-z][a-z_-]{0,15}:[a-z][a-z_-]{0,15}", fullmatch=True), max_size=30)
fuzz = settings(deadline=None, max_examples=200)


def outcome(token: str) -> Claims | RefusalReason:
    try:
        return CODEC.verify(token, KEYS, NOW)
    except TokenRefused as refused:
        return refused.reason


@fuzz
@given(
    subject=st.uuids(),
    kind=st.sampled_from(["person", "client"]),
    client_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True),
    scopes=SCOPES,
    rev=st.integers(0, 2**63 - 1),
    jti=st.uuids(),
    now=st.integers(0, 2**40),
    family=st.none() | st.uuids(),
)
def test_what_is_issued_is_what_is_verified(**asked: Any) -> None:
    claims = CODEC.verify(issue(**asked), KEYS, asked["now"])

    now = asked.pop("now")
    assert claims == Claims(**asked, issued_at=now, expires_at=now + 900)


@fuzz
@given(token=ANY_TEXT)
def test_any_text_is_refused(token: str) -> None:
    assert outcome(token) in EXPECTED


@fuzz
@given(parts=st.tuples(st.binary(min_size=1), st.binary(min_size=1), st.binary(min_size=1)))
def test_any_three_segments_are_refused(parts: tuple[bytes, bytes, bytes]) -> None:
    assert outcome(".".join(map(encode, parts))) in EXPECTED


@fuzz
@given(where=st.integers(0, 10_000), cut=st.integers(0, 3), put=ANY_TEXT | st.sampled_from("AQg_-.= \n"))
def test_any_change_of_a_good_token_is_refused(where: int, cut: int, put: str) -> None:
    token = issue()
    where %= len(token)
    changed = token[:where] + put + token[where + cut :]

    assert changed == token or outcome(changed) in EXPECTED


@fuzz
@given(header=JSON, name=st.sampled_from(["alg", "typ", "kid", "crit"]))
def test_any_header_is_refused(header: Any, name: str) -> None:
    good = claims_of(issue())
    altered = {**header_for(KEY), name: header}

    assert outcome(forge(json.dumps(header).encode(), good, PEM)) in EXPECTED
    assert altered == header_for(KEY) or outcome(forge(altered, good, PEM)) in EXPECTED


@fuzz
@given(payload=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_signed_payload_is_refused(payload: bytes) -> None:
    assert outcome(forge(header_for(KEY), payload or b"0", PEM)) in EXPECTED


@fuzz
@given(changes=st.dictionaries(st.sampled_from(sorted(claims_of(issue()))), JSON, min_size=1, max_size=2))
def test_altered_claims_are_refused_or_well_typed(changes: Members) -> None:
    result = outcome(forge(header_for(KEY), {**claims_of(issue()), **changes}, PEM))

    if isinstance(result, Claims):
        assert 0 < result.expires_at - result.issued_at <= 900
        assert NOW - 930 < result.issued_at <= NOW + 30
        assert type(result.rev) is int
        assert 0 <= result.rev < 2**63
        assert result.kind in ("person", "client")
    else:
        assert result in EXPECTED


def test_scopes_may_be_as_long_as_the_bound_and_no_longer() -> None:
    words = " ".join(f"{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}{'s' * 30}:read" for n in range(60))
    longest = words[:_MAX_SCOPE_LENGTH]
    assert len(longest) == _MAX_SCOPE_LENGTH
    assert _scopes(longest) == frozenset(longest.split())
    with pytest.raises(TokenRefused):
        _scopes(longest + "s")


def test_base64_loses_its_padding_and_nothing_else() -> None:
    for last in range(256):
        assert _encode(bytes([0, 0, last])) == urlsafe_b64encode(bytes([0, 0, last])).decode()
        assert _encode(bytes([last])) == urlsafe_b64encode(bytes([last])).decode()[:2]
