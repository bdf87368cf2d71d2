"""The pages that show a key once, against the sandbox over real sockets."""

import re
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from catalogue.models import Plan
from keyrequests import services, staff
from keyrequests.models import Key, KeyRequest, Mint
from tests.factories import DocumentFactory
from tests.keyrequests import rows
from tests.keyrequests.scene import Scene, build
from tyk import pull
from tyk.models import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(box) -> Scene:
    return build(box)


@pytest.fixture
def page(client, scene) -> Client:
    return rows.sign_in(client, scene.developer)


def claim_url(request: KeyRequest) -> str:
    return reverse("keyrequests:claim", args=[request.code])


def replace_url(key: Key) -> str:
    return reverse("keyrequests:replace", args=[key.code])


def keys_in(response: Any) -> list[str]:
    """The texts of the key fields, as a reader would copy them."""
    return re.findall(r'<code class="key"[^>]*>([^<]+)</code>', response.text)


def claimed(page: Client, scene: Scene) -> tuple[Key, str]:
    [text] = keys_in(page.post(claim_url(scene.approved())))
    return Key.objects.get(), text


# --- Before --------------------------------------------------------------------------
def test_claim_page_names_api_plan_limits_and_header(page, scene):
    text = page.get(claim_url(scene.approved())).text

    assert "Reveal my key" in text
    assert "orders-standard" in text
    assert "60 a minute" in text
    assert "10\u202f000 calls a day" in text
    assert "Authorization header" in text


def test_opening_the_claim_page_makes_nothing(page, scene):
    request = scene.approved()

    for _ in range(2):
        assert page.get(claim_url(request)).status_code == 200
        assert page.head(claim_url(request)).status_code == 200

    assert scene.box.keys() == []
    assert not Mint.objects.exists()


def test_undelivered_approval_waits_and_looks_again(page, scene):
    request = scene.ask(entry=scene.automatic)

    waiting = page.get(claim_url(request)).text
    scene.deliver()
    ready = page.get(claim_url(request)).text

    assert "The key service is still being told" in waiting
    assert '<meta http-equiv="refresh" content="5;' in waiting
    assert "Reveal my key" not in waiting
    assert "Reveal my key" in ready
    assert "http-equiv" not in ready


@pytest.mark.parametrize("decide", [None, "decline", "withdraw"])
def test_nothing_to_claim_leads_to_the_request(page, scene, decide):
    request = scene.ask()
    if decide == "decline":
        services.decline(request, by=scene.reviewer, reason="No.")
    if decide == "withdraw":
        services.withdraw(request)

    for method in ("get", "post"):
        response = getattr(page, method)(claim_url(request), follow=True)
        assert response.redirect_chain[-1][0] == request.get_absolute_url()
    assert scene.box.keys() == []


def test_claim_is_closed_while_the_gateway_mails_keys(page, scene):
    request = scene.approved()
    Organisation.objects.update(key_mail_on=True)

    text = page.get(claim_url(request)).text
    answer = page.post(claim_url(request), follow=True)

    assert "the gateway is set to send keys by mail" in text
    assert "Reveal my key" not in text
    assert "the gateway is set to send keys by mail" in answer.text
    assert scene.box.keys() == []


# --- The key, once -------------------------------------------------------------------
def test_revealed_key_works_and_is_shown_once(page, scene):
    request = scene.approved()

    response = page.post(claim_url(request))

    [key] = keys_in(response)
    assert response.status_code == 200
    assert scene.box.gateway_accepts(key)
    assert f"export API_KEY={key}" in re.sub("<[^>]+>", "", response.text)
    # One block, so that one copy is a whole command.
    [block] = re.findall("<pre.*?</pre>", response.text.split("<noscript>")[0], re.S)
    assert "Authorization: $API_KEY" in block
    assert key in block
    assert key not in page.get(claim_url(request)).text
    assert key not in page.get(request.get_absolute_url()).text
    assert key not in page.get(Key.objects.get().get_absolute_url()).text


@pytest.mark.parametrize("method", ["get", "post"])
def test_page_is_kept_nowhere_and_framed_nowhere(page, scene, method):
    response = getattr(page, method)(claim_url(scene.approved()))

    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_page_with_the_key_sends_no_referrer_and_has_no_form(page, scene):
    response = page.post(claim_url(scene.approved()))

    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "<form" not in response.text
    assert "data:text" not in response.text


def test_page_with_a_form_sends_the_origin_it_is_checked_by(page, scene):
    response = page.get(claim_url(scene.approved()))

    assert response.headers["Referrer-Policy"] == "same-origin"


def test_claim_needs_the_forms_token(scene):
    strict = rows.sign_in(Client(enforce_csrf_checks=True), scene.developer)

    response = strict.post(claim_url(scene.approved()))

    assert response.status_code == 403
    assert scene.box.keys() == []


def test_reload_of_the_reveal_makes_no_second_key(page, scene):
    request = scene.approved()
    page.post(claim_url(request))

    response = page.post(claim_url(request), follow=True)

    assert response.redirect_chain == [(claim_url(request), 302)]
    assert "Already shown on" in response.text
    assert keys_in(response) == []
    assert len(scene.box.keys()) == 1
    assert Mint.objects.count() == 1


def test_two_tabs_at_once_show_one_key(scene):
    request = scene.approved()
    tabs = [rows.sign_in(Client(), scene.developer) for _ in range(3)]
    answers = []

    def click(tab: Client) -> None:
        try:
            answers.append(tab.post(claim_url(request)))
        finally:
            connection.close()

    threads = [threading.Thread(target=click, args=[tab]) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200, 302, 302]
    assert len(scene.box.keys()) == 1


def test_shown_page_offers_to_replace_what_was_not_saved(page, scene):
    request = scene.approved()
    [lost] = keys_in(page.post(claim_url(request)))

    text = page.get(claim_url(request)).text
    response = page.post(replace_url(Key.objects.get()), {"overlap": "0"})
    scene.deliver()

    assert replace_url(Key.objects.earliest("pk")) in text
    [key] = keys_in(response)
    assert scene.box.gateway_accepts(key)
    assert not scene.box.gateway_accepts(lost)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("basic", ["API_USER", "API_PASSWORD"]),
        ("oauth", ["CLIENT_ID", "CLIENT_SECRET"]),
    ],
)
def test_two_part_credentials_are_shown_with_their_names(page, scene, kind, names):
    policy = scene.box.add_policy(f"plan-{kind}", auth_type=kind)
    scene.box.add_entry(f"Entry {kind}", policy, auth_type=kind)
    rows.pull_catalogue()
    entry = type(scene.entry).objects.get(name=f"Entry {kind}")
    form = {"nonce": str(scene.developer.code), "ask-what-you-build": "An app"}
    if kind == "oauth":
        form["redirect_uri"] = "https://app.example/cb"
    page.post(reverse("keyrequests:ask", args=[entry.slug]), form)
    request = KeyRequest.objects.get()
    scene.deliver()
    services.approve(request, by=scene.reviewer)

    response = page.post(claim_url(request))

    first, second = keys_in(response)
    parts = {"basic": ("username", "password"), "oauth": ("client_id", "secret")}
    accepted = dict(zip(parts[kind], (first, second), strict=True))
    assert scene.box.gateway_accepts(**accepted)
    for name in names:
        assert f'data-env="{name}"' in response.text


# --- When it does not work -----------------------------------------------------------
def test_key_service_away_is_told_with_a_reference(page, scene):
    request = scene.approved()
    scene.box.refuse()

    response = page.post(claim_url(request))

    assert response.status_code == 503
    assert response.headers["Cache-Control"] == "no-store, private"
    assert "No key was made and none was used up." in response.text
    assert response.headers["X-Request-ID"] in response.text
    scene.box.heal()
    assert "Reveal my key" in page.get(claim_url(request)).text
    assert len(keys_in(page.post(claim_url(request)))) == 1


def test_lost_answer_is_told_settled_and_claimed_again(page, scene):
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)

    response = page.post(claim_url(request))
    again = page.get(claim_url(request))
    scene.due_now("mint.settle")
    scene.deliver()
    settled = page.get(claim_url(request))

    assert response.status_code == 503
    assert "We are checking whether a key was made" in response.text
    assert '<meta http-equiv="refresh" content="5;' in response.text
    assert "We are checking whether a key was made" in again.text
    assert "The last try did not reach you" in settled.text
    [key] = keys_in(page.post(claim_url(request)))
    assert scene.box.gateway_accepts(key)
    assert len(scene.box.keys()) == 1


def test_second_tab_during_the_check_makes_nothing(page, scene):
    request = scene.approved()
    scene.box.faults.add("approveKeyRequest", mode="timeout_before", seconds=2, times=1)
    page.post(claim_url(request))

    response = page.post(claim_url(request), follow=True)

    assert "We are checking whether a key was made" in response.text
    assert scene.box.keys() == []


def test_key_made_in_the_dashboard_is_told_and_a_new_one_offered(page, scene):
    request = scene.approved()
    handed_out = scene.box.approve(request.tyk_id)["RawKey"]

    told = page.post(claim_url(request))
    offered = page.get(claim_url(request))
    [key] = keys_in(page.post(claim_url(request)))

    assert "Approved in the gateway dashboard" in told.text
    assert "Get a new key" in offered.text
    assert scene.box.gateway_accepts(key)
    assert scene.box.gateway_accepts(handed_out)


# --- Replacing -----------------------------------------------------------------------
def test_replace_with_overlap_shows_a_new_key_and_when_the_old_one_ends(page, scene):
    old, text = claimed(page, scene)

    response = page.post(replace_url(old), {"overlap": "3600"})
    scene.deliver()

    [key] = keys_in(response)
    assert "Your new key for Orders" in response.text
    assert "The old key goes on working until" in response.text
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store, private"
    assert scene.box.gateway_accepts(key)
    assert scene.box.gateway_accepts(text)
    assert key not in page.get(old.get_absolute_url()).text


def test_shown_page_names_what_was_asked_for_where_two_entries_share_a_policy(
    page, scene
):
    scene.box.add_entry("Aardvark orders", scene.policy)
    pull.run("catalogue")
    request = scene.approved()

    text = page.post(reverse("keyrequests:claim", args=[request.code])).text

    assert "<h1>Your key for Orders</h1>" in text
    assert "<dt>API</dt><dd>Orders</dd>" in text
    assert "Aardvark" not in text


def test_replaced_key_shows_the_plan_that_staff_gave_it(page, scene):
    request = scene.approved()
    page.post(reverse("keyrequests:claim", args=[request.code]))
    scene.deliver()
    pull.run("developers")
    key = Key.objects.get()
    [quick] = Plan.objects.filter(pk=scene.automatic.plan_id)
    staff.change_plans(
        key, plans=[quick], seen=staff.policies_of(key), by=scene.reviewer
    )
    scene.deliver()

    text = page.post(replace_url(key), {"overlap": "0"}).text

    assert "<h1>Your new key for Geocoding</h1>" in text
    assert "<dt>API</dt><dd>Geocoding</dd>" in text
    assert "120 a minute" in text


def test_replace_while_away_leaves_the_old_key(page, scene):
    old, text = claimed(page, scene)
    scene.box.refuse()

    response = page.post(replace_url(old), {"overlap": "0"})

    assert response.status_code == 503
    assert "Your key was not replaced" in response.text
    scene.box.heal()
    assert scene.box.gateway_accepts(text)


def test_replace_whose_answer_is_lost_leads_back_to_the_key(page, scene):
    old, text = claimed(page, scene)
    scene.box.faults.add("approveKeyRequest", mode="reset_after", times=1)

    response = page.post(replace_url(old), {"overlap": "0"})

    assert response.status_code == 503
    assert "We are checking whether a key was made" in response.text
    key_page = page.get(old.get_absolute_url()).text
    assert "We are checking whether a new key was made" in key_page
    assert scene.box.gateway_accepts(text)


def test_revoked_key_stops_and_the_page_says_so(page, scene):
    key, text = claimed(page, scene)

    revoke_url = reverse("keyrequests:revoke", args=[key.code])
    page.post(revoke_url, {"confirm": key.name})
    scene.deliver()

    assert not scene.box.gateway_accepts(text)
    assert "This key was revoked" in page.get(key.get_absolute_url()).text


# --- No page asks the Dashboard ------------------------------------------------------
def test_reading_any_page_calls_no_dashboard_even_while_it_hangs(page, scene):
    key, _ = claimed(page, scene)
    pending = scene.ask(entry=scene.automatic)
    scene.box.hang()
    before = len(scene.box.journal)
    code = KeyRequest.objects.earliest("pk").code
    addresses = [
        "/",
        "/requests/",
        "/keys/",
        reverse("keyrequests:ask", args=[scene.entry.slug]),
        pending.get_absolute_url(),
        claim_url(pending),
        reverse("keyrequests:request", args=[code]),
        reverse("keyrequests:claim", args=[code]),
        key.get_absolute_url(),
        reverse("keyrequests:revoke", args=[key.code]),
        replace_url(key),
    ]

    answers = [page.get(address, follow=True).status_code for address in addresses]

    assert answers == [200] * len(addresses)
    assert len(scene.box.journal) == before


def test_a_key_is_shown_whatever_is_wrong_with_the_document_beside_it(page, scene):
    DocumentFactory(
        entry=scene.entry,
        state="shown",
        outline={"text": "", "server": "https://[tenant].example", "groups": [{}]},
    )

    [text] = keys_in(page.post(claim_url(scene.approved())))

    assert scene.box.gateway_accepts(text)
