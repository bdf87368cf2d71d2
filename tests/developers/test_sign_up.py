"""Signing up says the same to everybody; the mail tells the owner of the mailbox."""

import pytest
from django.core import mail
from django.test import Client

from developers.models import MailedLink, SignUp, ThrottleCount
from tests.cast import in_tyk
from tests.developers.steps import NEW, ask_to_sign_up, link_in, words
from tests.factories import EntryFactory, OrganisationFactory
from tyk import outbox
from tyk.models import Outbox
from tyk.seal import digest

pytestmark = pytest.mark.django_db


def masked(response) -> str:
    """The page without its form token."""
    lines = response.content.decode().split("\n")
    return "\n".join(line for line in lines if "csrfmiddlewaretoken" not in line)


def test_known_and_unknown_addresses_get_the_same_answer(box, bob):
    in_tyk(box, bob)
    answers = []
    for address in (NEW, bob.email):
        browser = Client()
        typed = {"email": address, "name": "Nora"}
        answer = browser.post("/sign-up/", typed)
        page = browser.get("/sign-up/sent/")
        answers.append(
            (
                answer.status_code,
                sorted(answer.headers),
                sorted(browser.cookies),
                masked(page).replace(address, "ADDRESS"),
            )
        )
    assert answers[0] == answers[1]
    assert box.journal.operations() == []


def test_owner_of_an_account_is_told_by_mail(box, bob):
    in_tyk(box, bob)

    ask_to_sign_up(Client(), "BOB@shop.example")

    (message,) = mail.outbox
    assert message.subject == "You already have an account at Northwind APIs"
    assert message.to == ["bob@shop.example"]
    assert "http://testserver/login/" in message.body
    assert "http://testserver/password/reset/" in message.body
    assert MailedLink.objects.count() == 0
    assert SignUp.objects.get().state == "cancelled"
    assert len(box.developers()) == 1


def test_account_only_tyk_knows_is_found_by_the_worker(box, organisation):
    box.add_developer(NEW, password="whatever-123456")

    ask_to_sign_up(Client())

    assert mail.outbox[0].subject == "You already have an account at Northwind APIs"


def test_plus_address_only_tyk_knows_is_found_too(box, organisation):
    box.add_developer("nora+keys@tinfold.example", password="whatever-123456")

    ask_to_sign_up(Client(), "nora+keys@tinfold.example")

    assert mail.outbox[0].subject == "You already have an account at Northwind APIs"


def test_second_sign_up_ends_the_first_link(box, organisation):
    ask_to_sign_up(Client())
    ask_to_sign_up(Client())

    first, second = (link_in(message) for message in mail.outbox)
    assert "does not work any more" in words(Client().get(first, follow=True))
    assert f"for {NEW}" in words(Client().get(second, follow=True))


def test_send_again_mails_a_new_link(box, organisation):
    browser = Client()
    ask_to_sign_up(browser)

    page = browser.post("/sign-up/sent/", follow=True)
    outbox.drain()

    assert "Sent again" in words(page)
    first, second = (link_in(message) for message in mail.outbox)
    assert first != second
    assert "does not work any more" in words(Client().get(first, follow=True))
    assert f"for {NEW}" in words(Client().get(second, follow=True))


def test_mail_comes_while_tyk_is_away(box, organisation):
    """Only a choice between two mails needs Tyk; the page of the link looks again."""
    box.add_developer(NEW, password="an uncommon walrus")
    box.refuse()

    ask_to_sign_up(Client())

    (sent,) = mail.outbox
    assert sent.subject == "Confirm your address for Northwind APIs"


def test_no_token_is_kept(box, organisation):
    ask_to_sign_up(Client())

    token = link_in(mail.outbox[0]).rstrip("/").rpartition("/")[2]
    link = MailedLink.objects.get()
    assert len(token) == 43
    assert link.digest == digest(token)
    assert token not in str(vars(link))
    assert token not in str(list(Outbox.objects.values()))


WRONG_FORMS = {
    "no address": ({"email": ""}, "Type your e-mail address"),
    "no address at all": ({"email": "nora"}, "Type an e-mail address like"),
    "letters that look alike": (
        {"email": "n\u043era@tinfold.example"},
        "without accents",
    ),
    "quoted local part": ({"email": '"n ora"@tinfold.example'}, "without accents"),
    "two lines": ({"email": "n@t.example\nBcc: x@y.example"}, "Before the @"),
    "no name": ({"name": ""}, "Fill in name"),
    "long address": ({"email": "n" * 250 + "@t.example"}, "at most 254"),
}


@pytest.mark.parametrize("_case", WRONG_FORMS)
def test_wrong_form_keeps_what_was_typed(_case, box, organisation):
    change, sentence = WRONG_FORMS[_case]
    typed = {"email": NEW, "name": "Nora", "company": "Tinfold & Co", **change}

    page = Client().post("/sign-up/", typed)

    assert sentence in words(page)
    assert 'value="Tinfold &amp; Co"' in page.content.decode()
    assert SignUp.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Nora\u202elive", "Leave out the invisible characters that turn"),
        ("No\x07ra", "This holds an invisible character."),
        ("n" * 201, "Use at most 200 characters; these are 201"),
    ],
)
def test_odd_name_is_refused_in_plain_words(name, told, box, organisation):
    page = ask_to_sign_up(Client(), name=name)

    assert told in page.content.decode()
    assert SignUp.objects.count() == 0


def test_name_is_one_line(box, organisation):
    ask_to_sign_up(Client(), name=" Nora\r\nBcc:\t you ")

    assert SignUp.objects.get().fields["Name"] == "Nora Bcc: you"


def test_fields_are_the_organisations(box):
    OrganisationFactory(signup_fields=["Name", "Phone", "portal_ref", "Référence", ""])

    page = Client().get("/sign-up/").content.decode()

    assert 'autocomplete="name"' in page
    assert 'autocomplete="tel"' in page
    assert "Référence" in page
    assert "portal_ref" not in page


def test_reserved_and_unasked_fields_are_not_taken(box, organisation):
    ask_to_sign_up(Client(), portal_ref="x.y", inactive="false", Traffic="ads")

    assert SignUp.objects.get().fields == {"Name": "Nora", "Company": "Tinfold"}


def test_a_program_that_fills_everything_gets_the_page_and_nothing_else(
    box, organisation
):
    browser = Client()

    answer = ask_to_sign_up(browser, fax_number="555 0100")

    assert answer.headers["Location"] == "/sign-up/sent/"
    assert NEW in words(browser.get("/sign-up/sent/"))
    assert SignUp.objects.count() == 0
    assert mail.outbox == []


def test_closed_sign_up_says_whom_to_ask(box):
    OrganisationFactory(disable_signup=True)

    page = Client().get("/sign-up/")
    posted = ask_to_sign_up(Client())

    assert "Sign-up is closed" in words(page)
    assert "api-support@testserver" in words(page)
    assert "Sign-up is closed" in words(posted)
    assert SignUp.objects.count() == 0


@pytest.mark.parametrize("path", ["/", "/login/", "/catalogue/", "/catalogue/orders/"])
def test_closed_sign_up_is_offered_nowhere(path, organisation):
    EntryFactory(slug="orders")
    assert 'href="/sign-up/"' in Client().get(path).text

    organisation.disable_signup = True
    organisation.save()

    page = Client().get(path).text
    assert "/sign-up/" not in page
    assert "or sign up" not in page


def test_fourth_mail_of_a_day_to_one_address_is_not_sent(box, organisation):
    answers = [
        ask_to_sign_up(Client(REMOTE_ADDR=f"192.0.2.{n}")).headers["Location"]
        for n in range(4)
    ]

    assert answers == ["/sign-up/sent/"] * 4
    assert len(mail.outbox) == 3


def test_sixth_sign_up_of_an_hour_from_one_address_waits(box, organisation):
    for number in range(5):
        ask_to_sign_up(Client(), f"n{number}@tinfold.example")

    page = ask_to_sign_up(Client(), "n6@tinfold.example")

    assert page.status_code == 429
    assert 3500 < int(page.headers["Retry-After"]) <= 3600
    assert SignUp.objects.count() == 5


def test_limits_can_be_scaled(box, organisation, settings):
    settings.LIMITS_SCALE = 2
    answers = [
        ask_to_sign_up(Client(), f"n{number}@tinfold.example").status_code
        for number in range(11)
    ]
    assert answers == [302] * 10 + [429]


def test_next_is_kept_through_the_mail(box, organisation):
    ask_to_sign_up(Client(), next="/catalogue/orders/")
    assert SignUp.objects.get().next_url == "/catalogue/orders/"


def test_next_of_another_site_is_dropped(box, organisation):
    ask_to_sign_up(Client(), next="https://evil.example/")
    assert SignUp.objects.get().next_url == ""


def tries_until_it_waits(address: str) -> int:
    """How often "send again" answers alike, from a network of its own."""
    browser = Client(REMOTE_ADDR="198.51.100.7")
    ask_to_sign_up(browser, address)
    for tried in range(40):
        if browser.post("/sign-up/sent/").status_code == 429:
            return tried
    raise AssertionError("no limit")


def test_send_again_counts_alike_whoever_has_the_address(box, organisation):
    box.add_developer(NEW, password="an uncommon walrus")
    taken = tries_until_it_waits(NEW)
    ThrottleCount.objects.all().delete()

    assert taken == tries_until_it_waits("nobody@tinfold.example") == 4
