"""TLS is checked, and a failed check is certainly no call."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.tyk.dashboard.conftest import Connect, Serve
from tests.tyk.dashboard.listener import ok, reply
from tyk.dashboard import errors

ADA = reply(document={"id": "d1", "email": "ada@x.test"})
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass
class Certificate:
    file: Path
    context: ssl.SSLContext


def certificate(
    folder: Path, *, address: str = "127.0.0.1", until: datetime.datetime = NOW + DAY
) -> Certificate:
    """A self-signed certificate, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dashboard")])
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(until)
        .add_extension(place, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "dashboard.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return Certificate(file, context)


def test_a_known_authority_is_trusted(tmp_path: Path, serve: Serve, connect: Connect):
    known = certificate(tmp_path)
    listener = serve(ADA, tls=known.context)
    client = connect(listener, verify=str(known.file))

    assert client.developer("d1").id == "d1"
    assert client.developer("d1").id == "d1"
    assert listener.connections == 1


@pytest.mark.parametrize(
    "_case", ["unknown_authority", "wrong_host", "expired", "not_tls"]
)
def test_a_failed_check_sends_nothing(
    _case: str, tmp_path: Path, serve: Serve, connect: Connect
):
    address = "127.0.0.9" if _case == "wrong_host" else "127.0.0.1"
    until = NOW - DAY if _case == "expired" else NOW + DAY
    shown = certificate(tmp_path, address=address, until=until)
    verify = True if _case == "unknown_authority" else str(shown.file)
    plain = _case == "not_tls"
    # As a web server behind a wrong scheme does. One that waits for the end of a line
    # may wait for ever, since a hello need not have one.
    listener = serve(ok(), tls=None if plain else shown.context, blunt=plain)
    url = listener.url.replace("http:", "https:")
    client = connect(url, verify=verify, connect_timeout=10.0)

    with pytest.raises(errors.Unreachable) as caught:
        client.approve("r1")

    assert caught.value.reason == "tls"
    assert all(got.path != "/api/portal/requests/approve/r1" for got in listener.got)


def test_a_handshake_that_hangs_is_a_connect_timeout(connect: Connect):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        client = connect(url, connect_timeout=0.3)
        began = time.monotonic()

        with pytest.raises(errors.Unreachable) as caught:
            client.approve("r1")

    assert caught.value.reason == "connect_timeout"
    assert 0.3 <= time.monotonic() - began < 5  # a busy machine is late, not a deadline


def test_the_deadline_cuts_a_tls_body_too(
    tmp_path: Path, serve: Serve, connect: Connect
):
    def drip(_got: object, conn: ssl.SSLSocket) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        for _ in range(100):
            conn.sendall(b" ")
            if listener.wait(0.05):
                return

    known = certificate(tmp_path)
    listener = serve(drip, tls=known.context)
    client = connect(listener, verify=str(known.file))
    began = time.monotonic()

    with pytest.raises(errors.OutcomeUnknown) as caught:
        client.approve("r1", deadline=0.4)

    assert caught.value.reason == "timeout"
    assert 0.4 <= time.monotonic() - began < 4  # the whole body would take 5
