"""Access tokens that no honest issuer writes, for the verifier's tests and for the routes behind it.

Built from bytes by hand: a library would refuse to write most of them.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Literal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from app.auth.tokens import SigningKey

Members = dict[str, Any]
Signer = Literal["ES256", "HS256", "none"]
Hostile = Callable[[SigningKey, Members], str]

ABSENT: Any = object()  # as a changed value: the member is left out


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def forge(header: Members | bytes, payload: Members | bytes, private_pem: bytes, *, signer: Signer = "ES256") -> str:
    """Three segments, signed as told whatever the header says.

    Bytes go in as they are. With HS256, ``private_pem`` is the secret; with none, the signature is empty.
    """
    signed = f"{encode(_serialise(header))}.{encode(_serialise(payload))}"
    return f"{signed}.{encode(_sign(signed.encode(), private_pem, signer))}"


def header_for(key: SigningKey) -> Members:
    return {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}


def claims_of(token: str) -> Members:
    """The payload of a token, unverified: the good payload from which the hostile ones are made."""
    claims: Members = json.loads(decode(token.split(".")[1]))
    return claims


def der_signature(message: bytes, private_pem: bytes) -> bytes:
    private = serialization.load_pem_private_key(private_pem, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private.sign(message, ec.ECDSA(hashes.SHA256()))


def _sign(message: bytes, private_pem: bytes, signer: Signer) -> bytes:
    match signer:
        case "none":
            return b""
        case "HS256":
            return hmac.digest(private_pem, message, "sha256")
        case "ES256":
            r, s = decode_dss_signature(der_signature(message, private_pem))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _serialise(members: Members | bytes) -> bytes:
    return members if isinstance(members, bytes) else json.dumps(members, separators=(",", ":")).encode()


def _pem(key: SigningKey) -> bytes:
    assert key.private_pem is not None
    return key.private_pem


def _changed(members: Members, changes: Members) -> Members:
    return {name: value for name, value in {**members, **changes}.items() if value is not ABSENT}


def _header(**changes: Any) -> Hostile:
    return lambda key, good: forge(_changed(header_for(key), changes), good, _pem(key))


def _raw_header(write: Callable[[SigningKey], bytes]) -> Hostile:
    return lambda key, good: forge(write(key), good, _pem(key))


def _claims(**changes: Any) -> Hostile:
    return lambda key, good: forge(header_for(key), _changed(good, changes), _pem(key))


def _moved(**seconds: int) -> Hostile:
    """Claims moved in time, against what the good payload says."""
    return lambda key, good: _claims(**{name: good[name] + by for name, by in seconds.items()})(key, good)


def _raw_payload(write: Callable[[Members], bytes]) -> Hostile:
    return lambda key, good: forge(header_for(key), write(good), _pem(key))


def _text(change: Callable[[str, str, str], str]) -> Hostile:
    """A good token, its three segments put together in another way."""

    def hostile(key: SigningKey, good: Members) -> str:
        header, payload, signature = forge(header_for(key), good, _pem(key)).split(".")
        return change(header, payload, signature)

    return hostile


def _signature(change: Callable[[bytes], bytes]) -> Hostile:
    return _text(lambda header, payload, signature: f"{header}.{payload}.{encode(change(decode(signature)))}")


def _public(key: SigningKey, encoding: serialization.Encoding) -> bytes:
    private = serialization.load_pem_private_key(_pem(key), None)
    return private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hmac_with_public_key(encoding: serialization.Encoding, **header: str) -> Hostile:
    return lambda key, good: forge({**header_for(key), **header}, good, _public(key, encoding), signer="HS256")


def _der_signed(key: SigningKey, good: Members) -> str:
    signed, _, _ = forge(header_for(key), good, _pem(key)).rpartition(".")
    return f"{signed}.{encode(der_signature(signed.encode(), _pem(key)))}"


def _other_trailing_bits(segment: str) -> str:
    """Another text for the same bytes: the unused bits of the last character changed."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(segment) % 4 in (2, 3), "no unused bits"
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) ^ 1]


def _payload_with_trailing_bits(key: SigningKey, good: Members) -> str:
    payload = _serialise(good)
    payload += b" " * (1 + -len(payload) % 3)  # so that bits remain
    signed = f"{encode(_serialise(header_for(key)))}.{_other_trailing_bits(encode(payload))}"
    return f"{signed}.{encode(_sign(signed.encode(), _pem(key), 'ES256'))}"


def _key_of_the_forger(key: SigningKey, good: Members) -> str:
    forger = SigningKey.generate(key.kid)
    return forge({**header_for(key), "jwk": forger.jwk()}, good, _pem(forger))


# Named variants of one good token. Each is refused with 401; none has a character that HTTP could not carry.
HOSTILE: list[tuple[str, Hostile]] = [
    # Claims that jose forgives.
    ("aud-missing", _claims(aud=ABSENT)),
    ("aud-wrong", _claims(aud="https://elsewhere.example")),
    ("aud-list", lambda key, good: _claims(aud=[good["aud"]])(key, good)),
    ("aud-null", _claims(aud=None)),
    ("iss-missing", _claims(iss=ABSENT)),
    ("iss-wrong", _claims(iss="https://elsewhere.example")),
    ("exp-missing", _claims(exp=ABSENT)),
    ("exp-string", lambda key, good: _claims(exp=str(good["exp"]))(key, good)),
    ("exp-float", lambda key, good: _claims(exp=float(good["exp"]))(key, good)),
    ("exp-1e30", _claims(exp=1e30)),
    ("exp-nan", _claims(exp=float("nan"))),
    ("exp-bool", _claims(exp=True)),
    ("exp-huge", _claims(exp=10**30)),
    ("exp-before-iat", _moved(exp=-86400)),
    ("expired", _moved(iat=-86400, exp=-86400)),
    ("lifetime-too-long", _moved(exp=86400)),
    ("iat-missing", _claims(iat=ABSENT)),
    ("iat-string", lambda key, good: _claims(iat=str(good["iat"]))(key, good)),
    ("iat-bool", _claims(iat=True)),
    ("iat-in-future", _moved(iat=86400, exp=86400)),
    ("nbf-present", lambda key, good: _claims(nbf=good["iat"])(key, good)),
    ("sub-missing", _claims(sub=ABSENT)),
    ("sub-number", _claims(sub=1)),
    ("sub-urn", lambda key, good: _claims(sub=f"urn:uuid:{good['sub']}")(key, good)),
    ("sub-upper-case", _claims(sub="ABCDEF00-0000-4000-8000-000000000000")),
    ("jti-missing", _claims(jti=ABSENT)),
    ("jti-not-uuid", _claims(jti="1")),
    ("sid-not-uuid", _claims(sid="1")),
    ("kind-missing", _claims(kind=ABSENT)),
    ("kind-unknown", _claims(kind="engine")),
    ("client-id-missing", _claims(client_id=ABSENT)),
    ("client-id-empty", _claims(client_id="")),
    ("client-id-newline", _claims(client_id="demo\n")),
    ("scope-list", _claims(scope=["plans:read"])),
    ("scope-empty", _claims(scope="")),
    ("scope-two-spaces", _claims(scope="plans:read  plans:write")),
    ("scope-tab", _claims(scope="plans:read\tplans:write")),
    ("scope-twice", _claims(scope="plans:read plans:read")),
    ("scope-star", _claims(scope="*")),
    ("scope-too-long", _claims(scope=" ".join(f"plans:read{number}" for number in range(160)))),
    ("rev-missing", _claims(rev=ABSENT)),
    ("rev-negative", _claims(rev=-1)),
    ("rev-bool", _claims(rev=True)),
    ("rev-beyond-bigint", _claims(rev=2**63)),
    ("claim-unknown", _claims(admin=True)),
    ("claim-twice", _raw_payload(lambda good: b'{"rev":0,' + _serialise(good)[1:])),
    ("payload-array", _raw_payload(lambda good: b"[" + _serialise(good) + b"]")),
    ("payload-deep", _raw_payload(lambda _: b"[" * 1000 + b"]" * 1000)),
    ("payload-not-utf8", _raw_payload(lambda good: _serialise(good)[:-1] + b',"x":"\xff"}')),
    ("payload-trailing-json", _raw_payload(lambda good: _serialise(good) + b"{}")),
    # Headers that jose ignores, or trusts.
    ("typ-missing", _header(typ=ABSENT)),
    ("typ-jwt", _header(typ="JWT")),
    ("typ-long-form", _header(typ="application/at+jwt")),
    ("alg-missing", _header(alg=ABSENT)),
    ("alg-none", _header(alg="none")),
    (
        "alg-none-unsigned",
        lambda key, good: forge({**header_for(key), "alg": "none"}, good, b"", signer="none"),
    ),
    ("alg-list", _header(alg=["ES256"])),
    ("alg-es384", _header(alg="ES384")),
    ("hs256-public-pem", _hmac_with_public_key(serialization.Encoding.PEM, alg="HS256")),
    ("hs256-public-der", _hmac_with_public_key(serialization.Encoding.DER, alg="HS256")),
    ("hs256-called-es256", _hmac_with_public_key(serialization.Encoding.PEM)),
    ("crit", _header(crit=["exp"])),
    ("crit-empty", _header(crit=[])),
    ("b64-false", _header(b64=False, crit=["b64"])),
    ("jku", _header(jku="https://elsewhere.example/jwks.json")),
    ("jwk", _key_of_the_forger),
    ("x5u", _header(x5u="https://elsewhere.example/chain.pem")),
    ("x5c", _header(x5c=["MIIB"])),
    ("header-unknown", _header(cty="JWT")),
    ("header-deep", _raw_header(lambda _: b'{"x":' + b"[" * 1000 + b"]" * 1000 + b"}")),
    ("header-deep-objects", _raw_header(lambda _: b'{"x":' * 300 + b"0" + b"}" * 300)),
    ("header-twice", _raw_header(lambda key: b'{"alg":"none",' + _serialise(header_for(key))[1:])),
    ("header-array", _raw_header(lambda _: b"[]")),
    ("header-utf16", _raw_header(lambda key: _serialise(header_for(key)).decode().encode("utf-16-le"))),
    ("kid-missing", _header(kid=ABSENT)),
    ("kid-foreign", _header(kid="somebody-elses")),
    ("kid-list", _header(kid=["k"])),
    ("kid-path", _header(kid="../../../dev/null")),
    # Texts and signatures.
    ("padded", _text(lambda *segments: ".".join(segments) + "==")),
    ("space-inside", _text(lambda header, payload, signature: f"{header}. {payload}.{signature}")),
    ("two-segments", _text(lambda header, payload, _: f"{header}.{payload}")),
    ("four-segments", _text(lambda *segments: ".".join([*segments, segments[2]]))),
    ("signature-empty", _text(lambda header, payload, _: f"{header}.{payload}.")),
    ("one-character-over", _text(lambda *segments: ".".join(segments) + "AAA")),
    ("trailing-bits-signature", _text(lambda *parts: ".".join([*parts[:2], _other_trailing_bits(parts[2])]))),
    ("trailing-bits-payload", _payload_with_trailing_bits),
    ("signature-truncated", _signature(lambda raw: raw[:-1])),
    ("signature-extended", _signature(lambda raw: raw + b"\0")),
    ("signature-zero", _signature(lambda _: bytes(64))),
    ("signature-of-order", _signature(lambda raw: raw[:32] + b"\xff" * 32)),
    ("signature-der", _der_signed),
    (
        "signature-of-another-key",
        lambda key, good: forge(header_for(key), good, _pem(SigningKey.generate("k"))),
    ),
    ("payload-swapped", _text(lambda header, _, signature: f"{header}.{encode(b'{}')}.{signature}")),
    ("overlong", _claims(scope="plans:read " * 400)),
]
