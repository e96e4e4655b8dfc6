"""TLS: the url's name is what the certificate must bear and what the receiver hears, whatever address is dialled."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.events.network import Answer
from tests.events.receiving import ADDRESS, HOST, Wire, network, receiving


def _certificate(folder: Path, *names: x509.GeneralName) -> Path:
    """Self-signed, for these names; key and certificate in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "receiver.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.mark.parametrize(
    ("names", "url", "trusted", "answer"),
    [
        ([x509.DNSName(HOST)], f"https://{HOST}:8443/x", True, Answer(200)),
        ([x509.DNSName(HOST)], f"https://{HOST}:8443/x", False, Answer(error="tls")),
        ([x509.DNSName("other.example.cn")], f"https://{HOST}:8443/x", True, Answer(error="tls")),
        ([x509.IPAddress(ip_address(ADDRESS))], f"https://{HOST}:8443/x", True, Answer(error="tls")),
        ([x509.IPAddress(ip_address(ADDRESS))], f"https://{ADDRESS}:8443/x", True, Answer(200)),
    ],
)
async def test_the_name_is_checked(
    tmp_path: Path, names: list[x509.GeneralName], url: str, *, trusted: bool, answer: Answer
) -> None:
    certificate = _certificate(tmp_path, *names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with receiving(context) as receiver:
        wire = Wire(receiver.port)
        made = network(wire, allowed=f"{HOST}, 10.20.0.0/16", http=False, ca_file=str(certificate) if trusted else None)
        target, address = await made.address_of(url)
        assert await made.post(target, address, {"Content-Type": "application/json"}, b"{}") == answer
        assert wire.dialled == [(ADDRESS, 8443)]
        if answer.status:
            assert receiver.got[0].headers["host"] == target.authority
            assert receiver.server_name == (HOST if HOST in url else None)
