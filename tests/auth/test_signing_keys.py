import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.auth.tokens import SigningKey
from tests.forge import decode

KEY = SigningKey.generate("k")


def test_sealed_key_opens_with_its_passphrase_only() -> None:
    sealed = KEY.seal("correct horse")

    assert sealed.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert SigningKey.unseal("k", sealed, "correct horse") == KEY
    with pytest.raises(ValueError, match=r"(?i)password"):
        SigningKey.unseal("k", sealed, "wrong horse")


def test_seal_needs_a_private_half_and_a_passphrase() -> None:
    with pytest.raises(ValueError, match="private half"):
        SigningKey("k", None, KEY.public_jwk).seal("passphrase")
    with pytest.raises(ValueError, match=r"(?i)password"):
        KEY.seal("")


def test_unseal_refuses_what_seal_did_not_write() -> None:
    with pytest.raises(ValueError, match="not sealed"):
        SigningKey.unseal("k", (KEY.private_pem or b"").decode(), "passphrase")
    with pytest.raises(ValueError, match="PEM"):
        SigningKey.unseal("k", "not a key", "passphrase")
    others = (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048))
    for other in others:
        pem = other.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
        with pytest.raises(ValueError, match="P-256"):
            SigningKey.unseal("k", pem.decode(), "passphrase")


def test_published_key_is_public_and_complete() -> None:
    published = KEY.jwk()

    assert published == {**KEY.public_jwk, "kid": "k", "use": "sig", "alg": "ES256"}
    assert set(published) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert [len(decode(published[name])) for name in "xy"] == [32, 32]
    assert "PRIVATE" not in repr(KEY)


@pytest.mark.parametrize(
    ("kid", "changes"),
    [("", {}), ("k\n", {}), ("a" * 65, {}), ("k", {"d": "AA"}), ("k", {"x": "AAAA"}), ("k", {"y": "!"})],
)
def test_impossible_keys_are_refused_at_once(kid: str, changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"kid|private member|P-256"):
        SigningKey(kid, None, {**KEY.public_jwk, **changes})
    with pytest.raises(ValueError, match="P-256"):
        SigningKey("k", None, {"kty": "EC", "crv": "P-256"})
