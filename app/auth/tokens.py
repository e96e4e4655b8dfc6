"""Access tokens: JWTs by the profile of RFC 9068, signed with ES256. The only module that imports jose.

jose checks the signature and nothing else here. It would accept a token without ``aud`` or ``exp``, a textual
``exp``, any ``typ``, unknown critical headers, several spellings of one token; a header of nested brackets
makes it raise RecursionError. So everything else is checked by allow-lists around it.

A token is known by its ``jti``, never by its text or hash: ECDSA signatures are malleable, so a holder can
turn one valid token into a second one with the same claims.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import JOSEError, jwk, jws

PrincipalKind = Literal["person", "client"]
_FormReason = Literal["length", "shape", "base64", "depth", "json", "duplicate_member", "signature"]
_HeaderReason = Literal["header", "alg", "typ", "kid"]  # header: a member outside the allow-list
_TimeReason = Literal["iat", "exp", "lifetime", "not_yet_issued", "expired"]
_ClaimReason = Literal["claims", "iss", "aud", "sub", "kind", "client_id", "scope", "rev", "jti", "sid"]
RefusalReason = Literal[_FormReason, _HeaderReason, _TimeReason, _ClaimReason]

ALGORITHM = "ES256"
MEDIA_TYPE = "at+jwt"
MAX_TOKEN_LENGTH = 4096
_PKCS8_PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
_MAX_SCOPE_LENGTH = 2048
_MAX_REV = 2**63 - 1  # the counter's column is a bigint
# Header and payload are flat, and openers bound the depth; the spare ones are for brackets inside strings.
_MAX_OPENERS = 8

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# Narrower than RFC 6749's scope-token: ours are all resource:action.
_SCOPE = re.compile(r"[a-z][a-z0-9_-]{0,63}:[a-z][a-z0-9_-]{0,63}")

_HEADER = frozenset(("alg", "typ", "kid"))
_CLAIMS = frozenset(("iss", "aud", "sub", "kind", "client_id", "scope", "rev", "iat", "exp", "jti", "sid"))


class TokenRefused(Exception):
    """The token is not valid here. ``reason`` is for the log: whoever learns it learns to forge better."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__("token refused")
        self.reason: RefusalReason = reason


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key pair, or its public half (``private_pem`` None) where tokens are only verified.

    ``private_pem`` is unencrypted PKCS#8, for memory only; :meth:`seal` gives the form that may be stored.
    """

    kid: str
    private_pem: bytes | None = field(repr=False)
    public_jwk: dict[str, str]

    def __post_init__(self) -> None:
        """Refuse here what would otherwise surface in the middle of verifying somebody's token."""
        if not _KID.fullmatch(self.kid):
            raise ValueError("kid must be 1 to 64 base64url characters")
        if "d" in self.public_jwk:
            raise ValueError("public_jwk must not carry the private member d")
        try:
            jwk.construct(self.jwk(), ALGORITHM)  # checks that the point is on the curve
        except (KeyError, ValueError) as error:
            raise ValueError("public_jwk must be a point on P-256") from error

    @classmethod
    def generate(cls, kid: str) -> "SigningKey":
        return cls._from_private(kid, ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def unseal(cls, kid: str, sealed: str, passphrase: str) -> "SigningKey":
        """Open what :meth:`seal` wrote; ValueError for a wrong passphrase or any other kind of key."""
        try:
            private = serialization.load_pem_private_key(sealed.encode(), passphrase.encode())
        except TypeError as error:  # the library's answer to a key that needs no passphrase
            raise ValueError("the signing key is not sealed") from error
        match private:
            case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
                return cls._from_private(kid, private)
        raise ValueError("the signing key must be on P-256")

    @classmethod
    def _from_private(cls, kid: str, private: ec.EllipticCurvePrivateKey) -> "SigningKey":
        point = private.public_key().public_numbers()
        # RFC 7518 6.2.1.2: always the full length of the field, leading zeros kept.
        x, y = (_encode(coordinate.to_bytes(32, "big")) for coordinate in (point.x, point.y))
        public_jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        return cls(kid, private.private_bytes(*_PKCS8_PEM, serialization.NoEncryption()), public_jwk)

    def seal(self, passphrase: str) -> str:
        """The private key as encrypted PKCS#8 PEM; ValueError without a private half or a passphrase."""
        if self.private_pem is None:
            raise ValueError("this key has no private half")
        private = serialization.load_pem_private_key(self.private_pem, None)
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
        return private.private_bytes(*_PKCS8_PEM, encryption).decode()

    def jwk(self) -> dict[str, str]:
        """The public key as a member of the key set (RFC 7517), from an allow-list of members."""
        point = {"kty": "EC", "crv": "P-256", "x": self.public_jwk["x"], "y": self.public_jwk["y"]}
        return {**point, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says; times are seconds since the epoch.

    ``rev``: revision of the subject's rights at issue. ``family`` (``sid``): its chain of refresh tokens.
    """

    subject: UUID
    kind: PrincipalKind
    client_id: str
    scopes: frozenset[str]
    rev: int
    issued_at: int
    expires_at: int
    jti: UUID
    family: UUID | None


@dataclass(frozen=True, slots=True)
class TokenCodec:
    """Access tokens of one issuer for one audience. ``leeway`` (seconds) forgives clocks that differ."""

    issuer: str
    audience: str
    lifetime_seconds: int = 900
    leeway: int = 30

    def issue(
        self,
        key: SigningKey,
        *,
        subject: UUID,
        kind: PrincipalKind,
        client_id: str,
        scopes: frozenset[str],
        rev: int,
        jti: UUID,
        now: int,
        family: UUID | None = None,
    ) -> str:
        """A signed token, issued at ``now``; ValueError for anything that :meth:`verify` would refuse.

        Without scopes there is no ``scope`` claim: its grammar (RFC 6749) has no empty form.
        """
        if key.private_pem is None:
            raise ValueError("this key has no private half")
        payload: dict[str, object] = {"iss": self.issuer, "aud": self.audience, "sub": str(subject)}
        payload |= {"kind": kind, "client_id": client_id, "rev": rev, "jti": str(jti), "iat": now}
        payload["exp"] = now + self.lifetime_seconds
        payload |= {"scope": " ".join(sorted(scopes))} if scopes else {}
        payload |= {"sid": str(family)} if family else {}
        try:
            claims = self._read_claims(payload, now)
        except TokenRefused as refused:
            raise ValueError(f"a token with this {refused.reason} would be refused") from None
        if claims.scopes != scopes:
            raise ValueError("a scope with a space in it would be read, not refused, as two")
        signer = jwk.construct(key.private_pem, ALGORITHM)
        token = jws.sign(payload, signer, {"typ": MEDIA_TYPE, "kid": key.kid}, ALGORITHM)
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("a token with this length would be refused")
        return token

    def verify(self, token: str, keys: Mapping[str, SigningKey], now: int) -> Claims:
        """The token's claims; TokenRefused and nothing else, whatever the text. ``keys`` is by ``kid``."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenRefused("length")
        if not _SHAPE.fullmatch(token):
            raise TokenRefused("shape")
        header, payload, _ = map(_decode_segment, token.split("."))
        key = _find_key(_parse_object(header), keys)
        try:
            # Refuses every signature but 64 raw bytes, too. A list: jose looks for substrings of a string.
            jws.verify(token, jwk.construct(key.jwk(), ALGORITHM), [ALGORITHM])
        except JOSEError:
            raise TokenRefused("signature") from None
        return self._read_claims(_parse_object(payload), now)

    def _read_claims(self, payload: Mapping[str, object], now: int) -> Claims:
        """Type and value of every claim. Unknown ones are refused, ``nbf`` among them: we never issue it."""
        if not payload.keys() <= _CLAIMS:
            raise TokenRefused("claims")
        if payload.get("iss") != self.issuer:
            raise TokenRefused("iss")
        # RFC 7519 also allows a list; ours are for one audience, so a list is somebody else's token.
        if payload.get("aud") != self.audience:
            raise TokenRefused("aud")
        issued_at, expires_at = _integer(payload, "iat"), _integer(payload, "exp")
        if not 0 < expires_at - issued_at <= self.lifetime_seconds:
            raise TokenRefused("lifetime")
        if issued_at > now + self.leeway:
            raise TokenRefused("not_yet_issued")
        if now >= expires_at + self.leeway:
            raise TokenRefused("expired")
        rev, kind = _integer(payload, "rev"), payload.get("kind")
        if not 0 <= rev <= _MAX_REV:
            raise TokenRefused("rev")
        if kind not in ("person", "client"):
            raise TokenRefused("kind")
        return Claims(
            subject=UUID(_text(payload, "sub", _UUID)),
            kind=kind,
            client_id=_text(payload, "client_id", _CLIENT_ID),
            scopes=_scopes(payload["scope"]) if "scope" in payload else frozenset(),
            rev=rev,
            issued_at=issued_at,
            expires_at=expires_at,
            jti=UUID(_text(payload, "jti", _UUID)),
            family=UUID(_text(payload, "sid", _UUID)) if "sid" in payload else None,
        )


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode_segment(segment: str) -> bytes:
    """Base64url in its one canonical spelling; other trailing bits would give one token several texts."""
    try:
        raw = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise TokenRefused("base64") from None
    if _encode(raw) != segment:
        raise TokenRefused("base64")
    return raw


def _parse_object(raw: bytes) -> dict[str, object]:
    if raw.count(b"[") + raw.count(b"{") > _MAX_OPENERS:
        raise TokenRefused("depth")
    try:
        # Decoded first: given bytes, json would also accept UTF-16 and UTF-32.
        parsed = json.loads(raw.decode(), object_pairs_hook=_unique_members)
    except ValueError:
        raise TokenRefused("json") from None
    if not isinstance(parsed, dict):
        raise TokenRefused("json")
    return parsed


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise TokenRefused("duplicate_member")
    return members


def _find_key(header: Mapping[str, object], keys: Mapping[str, SigningKey]) -> SigningKey:
    if not header.keys() <= _HEADER:
        raise TokenRefused("header")
    if header.get("alg") != ALGORITHM:
        raise TokenRefused("alg")
    if header.get("typ") != MEDIA_TYPE:
        raise TokenRefused("typ")
    key = keys.get(_text(header, "kid", _KID))
    if key is None:
        raise TokenRefused("kid")
    return key


def _text(members: Mapping[str, object], name: RefusalReason, grammar: re.Pattern[str]) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not grammar.fullmatch(value):
        raise TokenRefused(name)
    return value


def _integer(members: Mapping[str, object], name: RefusalReason) -> int:
    value = members.get(name)
    if type(value) is not int:  # by identity: isinstance lets booleans through
        raise TokenRefused(name)
    return value


def _scopes(value: object) -> frozenset[str]:
    if not isinstance(value, str) or len(value) > _MAX_SCOPE_LENGTH:
        raise TokenRefused("scope")
    names = value.split(" ")
    if len(names) != len(set(names)) or not all(map(_SCOPE.fullmatch, names)):
        raise TokenRefused("scope")
    return frozenset(names)
