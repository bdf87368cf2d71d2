"""Versions of the brand: published once over what was seen, kept, brought back."""

import threading
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from django.core import mail as outgoing
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils import timezone

from developers import mail
from portal_site import brand, brand_versions
from portal_site.brand_versions import Overtaken
from portal_site.models import BrandVersion
from tests.portal_site.brands import drafted, editor, halcyon, picture, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def erin(organisation):
    return editor("Erin")


def send_one() -> None:
    words = ("title", "preheader", "reason", "name", "button_url", "reset_url")
    context: dict[str, object] = {**dict.fromkeys(words, "x"), "button_label": "x"}
    context["reason"] = "You get this mail because you asked for it."
    context |= {"by_staff": False, "when": timezone.now()}
    mail.send("password_changed", to="alice@shop.example", context=context)


@pytest.fixture
def otto(organisation):
    return editor("Otto")


def test_a_draft_changes_nothing(erin, client) -> None:
    drafted(halcyon(), by=erin)

    assert brand.current().name == "Northwind APIs"
    assert "Halcyon" not in client.get("/").text


def test_what_is_published_is_seen_at_the_next_page(erin, client) -> None:
    assert "Northwind APIs" in client.get("/").text
    face = halcyon(tagline="Ship it.", lead="", api_url="", support_email="")
    row = published(face, by=erin)
    page = client.get("/").text

    assert row.number == 1
    assert row.draft_of is None
    assert "Northwind" not in page
    assert f"/brand.css?v={face.digest}" in page


def test_another_process_sees_it_when_its_knowledge_is_old(
    erin, settings, client
) -> None:
    """Here the other process is a row changed behind this one's back."""
    row = published(halcyon(), by=erin)
    assert brand.current().name == "Halcyon"
    brand_versions.kept.as_configured()  # as a process that looked before that
    assert "Northwind APIs" in client.get("/").text
    settings.BRAND_FRESH_SECONDS = 0

    assert "Halcyon" in client.get("/").text
    BrandVersion.objects.filter(pk=row.pk).update(live=False)
    assert "Northwind APIs" in client.get("/").text


def test_knowing_it_costs_one_query_when_old_and_none_when_fresh(
    erin, settings, django_assert_num_queries
) -> None:
    published(halcyon(), by=erin)
    with django_assert_num_queries(2):  # which one is live, and that one
        brand.current()
    with django_assert_num_queries(0):
        brand.current()
    settings.BRAND_FRESH_SECONDS = 0
    with django_assert_num_queries(1):
        assert brand.current().name == "Halcyon"


def test_a_whole_mail_costs_one_query(erin, django_assert_num_queries) -> None:
    published(halcyon(), by=erin)
    brand.current()
    brand_versions.kept.forget()

    with django_assert_num_queries(1):
        send_one()


@pytest.mark.django_db(transaction=True)
def test_a_sick_database_leaves_the_last_known_brand(organisation, settings) -> None:
    published(halcyon(), by=editor())
    brand.current()
    settings.BRAND_FRESH_SECONDS = 0
    table = BrandVersion._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        try:
            assert brand.current().name == "Halcyon"
        finally:
            cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


def test_pages_that_ask_no_database_know_it(
    erin, django_assert_num_queries, settings
) -> None:
    published(halcyon(), by=erin)
    brand.current()
    settings.BRAND_FRESH_SECONDS = 0
    with django_assert_num_queries(0):
        assert brand.last_known().name == "Halcyon"


def test_two_publish_and_the_second_is_told(erin, otto) -> None:
    mine, other = halcyon(name="Mine"), halcyon(name="Other")
    first, second = drafted(mine, by=erin), drafted(other, by=otto)
    brand_versions.publish(first, over=None, digest=mine.digest, by=erin)

    with pytest.raises(Overtaken, match="Erin published version 1"):
        brand_versions.publish(second, over=None, digest=other.digest, by=otto)

    assert brand.current().name == "Mine"
    brand_versions.publish(second, over=first.pk, digest=other.digest, by=otto)
    assert brand.current().name == "Other"
    assert list(BrandVersion.objects.filter(live=True)) == [second]


def test_a_draft_changed_under_the_eyes_is_not_published(erin, otto) -> None:
    seen = halcyon()
    row = drafted(seen, by=erin)
    drafted(halcyon(name="Changed"), by=erin)

    with pytest.raises(Overtaken, match="changed or discarded"):
        brand_versions.publish(row, over=None, digest=seen.digest, by=otto)

    assert brand_versions.live_pk() is None


def test_a_draft_that_was_discarded_is_not_published(erin, otto) -> None:
    face = halcyon()
    row = drafted(face, by=erin)
    live = published(halcyon(name="Live"), by=otto)
    assert brand_versions.discard(erin)

    with pytest.raises(Overtaken, match="changed or discarded"):
        brand_versions.publish(row, over=live.pk, digest=face.digest, by=otto)

    assert brand.current().name == "Live"


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment_one_is_published(organisation) -> None:
    people = [editor("Erin"), editor("Otto")]
    faces = [halcyon(name="Mine"), halcyon(name="Other")]
    rows = [drafted(f, by=p) for f, p in zip(faces, people, strict=True)]
    gate, told = threading.Barrier(2), []

    def go(n: int) -> None:
        gate.wait()
        try:
            brand_versions.publish(
                rows[n], over=None, digest=faces[n].digest, by=people[n]
            )
            told.append("published")
        except Overtaken:
            told.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[n]) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(told) == ["published", "told"]
    assert BrandVersion.objects.filter(live=True).count() == 1


def test_a_roll_back_brings_back_exactly_what_was(erin) -> None:
    logo = brand.Logo(picture(), "image/png")
    was = halcyon(
        logo=logo, logo_dark=brand.Logo(picture("PNG", (50, 50)), "image/png")
    )
    first = published(was, by=erin)
    second = published(halcyon(name="Later"), by=erin)
    brand_versions.publish(first, over=second.pk, digest=was.digest, by=erin)

    assert brand.current().version == was.digest
    assert brand.current().logo == logo
    assert BrandVersion.objects.get(live=True).number == 1


def test_back_to_the_settings(erin) -> None:
    row = published(halcyon(), by=erin)
    brand_versions.withdraw(over=row.pk)

    assert brand.current().name == "Northwind APIs"
    with pytest.raises(Overtaken, match="went back to the settings"):
        brand_versions.withdraw(over=row.pk)


def test_one_request_has_one_brand(erin) -> None:
    with brand.one_for_all():
        before = brand.current()
        published(halcyon(), by=erin)
        assert brand.current() is before

    assert brand.current().name == "Halcyon"


def test_every_member_counts_in_the_version() -> None:
    faces = [
        halcyon(),
        halcyon(lead="Another."),
        halcyon(radius=3),
        halcyon(support_email="a@b.example"),
        halcyon(footer_links=(brand.Link("Terms", "/terms/"),)),
        halcyon(logo=brand.Logo(picture(), "image/png")),
        halcyon(logo_dark=brand.Logo(picture(), "image/png")),
    ]

    assert len({face.digest for face in faces}) == len(faces)


def test_differences_name_what_changes(erin) -> None:
    row = drafted(halcyon(logo=brand.Logo(picture(), "image/png")), by=erin)
    told = brand_versions.differences(
        brand.configured(), brand_versions.face_of(BrandVersion.objects.get(pk=row.pk))
    )

    assert {(d.label, d.before) for d in told} == {
        ("Name", "Northwind APIs"),
        ("Company", "Northwind"),
        ("Colour", "#0b6e6e"),
        ("Logo", "none"),
    }


# --- Mails -------------------------------------------------------------------------
def test_mails_carry_what_is_published_and_no_picture(erin) -> None:
    links = (brand.Link("Terms", "/terms/"), brand.Link("Us", "https://h.example/"))
    logo = brand.Logo(picture(), "image/png")
    published(
        halcyon(support_email="dev@h.example", footer_links=links, logo=logo), by=erin
    )
    send_one()
    (message,) = outgoing.outbox
    assert isinstance(message, EmailMultiAlternatives)
    html = str(message.alternatives[0][0])

    assert message.from_email == "Halcyon <no-reply@testserver>"
    for body in (str(message.body), html):
        assert "Halcyon AG" in body
        assert "dev@h.example" in body
        assert "http://testserver/terms/" in body
        assert "Northwind" not in body
    assert brand.current().mail["light"]["link"] in html
    assert "<img" not in html


@pytest.mark.parametrize(
    "name", ["Ship, Sail & “Co”", "شحن السريع", "🚢 Ship", 'A "quoted" <b>']
)
def test_any_name_makes_one_sender(erin, name: str) -> None:
    published(halcyon(name=name), by=erin)
    send_one()
    message = outgoing.outbox[0].message()

    ((said, address),) = getaddresses([str(message["From"])])
    assert address == "no-reply@testserver"
    assert str(make_header(decode_header(said))) == name


def test_mail_from_of_the_operator_stays(erin, settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "API desk <desk@northwind.example>"
    published(halcyon(), by=erin)
    send_one()

    assert outgoing.outbox[0].from_email == "API desk <desk@northwind.example>"
