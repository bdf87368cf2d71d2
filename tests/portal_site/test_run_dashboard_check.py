"""Each way a Dashboard can be wrong has its own sentence with the fix."""

import io
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command

from portal_site import dashboard_check
from portal_site.runner import ports
from tyk import connect


@pytest.fixture(autouse=True)
def _new_client():
    connect.close()
    yield
    connect.close()


@pytest.fixture
def silent_address():
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def self_signed_address(tmp_path):
    """A TLS server whose certificate only it believes in."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    pem.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused on purpose
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield f"localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def trouble_at(settings, url: str) -> str:
    settings.TYK_DASHBOARD_URL = url
    connect.close()
    return dashboard_check.trouble()


def test_a_dashboard_that_is_fine_is_no_trouble(box):
    assert dashboard_check.trouble() == ""
    assert box.journal.operations() == ["getPortalConfiguration"]


def test_wrong_key(box, settings):
    settings.TYK_API_KEY = "0123456789abcdef0123456789abcdef"
    connect.close()

    found = dashboard_check.trouble()

    assert "refuses TYK_API_KEY" in found
    assert "Tyk Dashboard API Access Credentials" in found
    assert settings.TYK_API_KEY not in found


def test_key_of_a_user_without_the_right(box):
    box.faults.add(
        "getPortalConfiguration",
        mode="status",
        status=403,
        message="Access denied: insufficient permissions",
    )

    assert "may not read the portal" in dashboard_check.trouble()


def test_another_organisation(box, settings):
    settings.TYK_ORG_ID = "64a0c0ffee00000000009999"

    found = dashboard_check.trouble()

    assert "another organisation than 64a0c0ffee00000000009999" in found
    assert "TYK_ORG_ID" in found


def test_own_organisation_is_no_trouble(box, settings):
    settings.TYK_ORG_ID = box.org_id

    assert dashboard_check.trouble() == ""


def test_nothing_listens(settings):
    address = f"127.0.0.1:{ports.any_free()}"

    found = trouble_at(settings, f"http://{address}")

    assert found.startswith(f"Nothing listens at http://{address}.")


def test_no_such_host(settings):
    found = trouble_at(settings, "http://dashboard.invalid:3000")

    assert found.startswith("There is no host dashboard.invalid.")


def test_tls_that_does_not_prove_itself(box, settings):
    # The sandbox speaks plain HTTP, as a Dashboard behind a wrong scheme does.
    found = trouble_at(settings, box.url.replace("http://", "https://"))

    assert "did not prove who it is" in found
    assert "TYK_CA_BUNDLE" in found


def test_certificate_nobody_here_trusts(settings, self_signed_address):
    found = trouble_at(settings, f"https://{self_signed_address}")

    assert "its certificate is not trusted here" in found


def test_silence(settings, silent_address):
    settings.TYK_READ_DEADLINE = 0.5

    assert "did not answer in time" in trouble_at(settings, f"http://{silent_address}")


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("html_200", "not as a Tyk Dashboard does"),
        ("empty_204", "not as a Tyk Dashboard does"),
        ("truncated", "not as a Tyk Dashboard does"),
        ("null_body", "not as a Tyk Dashboard does"),
    ],
)
def test_something_else_answers(mode, told, box):
    if mode == "null_body":
        box.faults.add("*", mode="status_plain", status=200, body="null")
    else:
        box.faults.add("*", mode=mode)

    assert told in dashboard_check.trouble()


def test_redirect(box):
    box.faults.add("*", mode="redirect", url="https://elsewhere.example/")

    found = dashboard_check.trouble()

    assert "sends us to another address" in found
    assert "elsewhere.example" not in found


def test_the_dashboards_own_error(box):
    box.faults.add("*", mode="status", status=500, message="store is down")

    assert "an error of its own (status 500)" in dashboard_check.trouble()


def test_too_many_calls(box):
    box.faults.add("*", mode="status", status=429, message="slow down")

    assert "is busy" in dashboard_check.trouble()


def test_command_says_so_and_fails(settings):
    settings.TYK_DASHBOARD_URL = "http://dashboard.invalid"

    with pytest.raises(CommandError, match=r"There is no host dashboard\.invalid"):
        call_command("check_dashboard")


def test_command_says_all_is_well(box):
    out = io.StringIO()

    call_command("check_dashboard", stdout=out)

    assert out.getvalue() == "The Dashboard answers and takes our key.\n"
