"""The net under the secrets: what a library might print does not get out."""

import pytest
from django.test import Client

from portal_site.logs import SHOWN_INSTEAD, configure, without_secrets

TOKEN = "Zk3-Yq_8vT1mB5nR7wX2cL9dF4gH6jK0"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param(
            "key 64a0c0ffee0000000000000100112233445566778899aabbccddeeff!",
            f"key {SHOWN_INSTEAD}!",
            id="older key",
        ),
        pytest.param(
            "key eyJvcmciOiI2NGEwYzBmZmVlIiwiaWQiOiIwMDExIiwiaCI6Im11cm11cjY0In0=",
            f"key {SHOWN_INSTEAD}",
            id="newer key",
        ),
        pytest.param(
            "{'Authorization': '0123456789abcdef'}",
            f"{{'{SHOWN_INSTEAD}",
            id="header",
        ),
        pytest.param(
            f"Not Found: /confirm/{TOKEN}/",
            f"Not Found: /confirm/{SHOWN_INSTEAD}/",
            id="confirm link",
        ),
        pytest.param(
            f"Not Found: /password/reset/{TOKEN}/",
            f"Not Found: /password/reset/{SHOWN_INSTEAD}/",
            id="reset link",
        ),
        pytest.param("GET /catalogue/orders/", "GET /catalogue/orders/", id="nothing"),
    ],
)
def test_secret_shapes_are_replaced(text, kept):
    assert without_secrets(None, "info", {"event": text}) == {"event": kept}


def test_a_failing_request_logs_no_token_of_a_mailed_link(client, capfd):
    """Through the real handler: Django gives the whole request to its event."""
    configure({"level": "INFO"})
    strict = Client(enforce_csrf_checks=True)

    assert strict.post(f"/confirm/{TOKEN}/").status_code == 403

    said = capfd.readouterr().err
    assert "Forbidden" in said
    assert f"/confirm/{SHOWN_INSTEAD}/" in said
    assert TOKEN not in said
