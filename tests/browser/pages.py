"""The list: which pages there are, for whom, in which states (see visits.py)."""

import re

from django.contrib import admin
from django.http import HttpRequest

from developers.models import User
from tests.browser.visits import Visit, asked_and_read, fill_and_press, names, press

WRONG = "not the password"

PUBLIC = [
    Visit("home", "/"),
    Visit("home", "/?code=python", state="other language"),
    Visit("catalogue:list", "/catalogue/"),
    Visit("catalogue:list", "/catalogue/?q=zzz", state="no hit"),
    Visit("catalogue:list", "/catalogue/?access=open", state="narrowed"),
    Visit("catalogue:entry", "/catalogue/orders-standard/"),
    Visit("catalogue:entry", "/catalogue/service-status/", state="no key needed"),
    Visit("catalogue:entry", "/catalogue/payments/", state="basic"),
    Visit("catalogue:entry", "/catalogue/connect/", state="oauth"),
    Visit("catalogue:documentation", "/catalogue/orders-standard/documentation/"),
    Visit("developers:sign-up", "/sign-up/"),
    Visit(
        "developers:sign-up",
        "/sign-up/",
        state="errors",
        act=lambda one: one.page.locator("main form .btn-primary").click(),
    ),
    Visit("developers:sign-up-sent", "/sign-up/sent/"),
    Visit("developers:confirm", "/confirm/", state="over", status=410),
    Visit("developers:confirm-link", "/confirm/not-a-link/", state="over", status=410),
    Visit("developers:login", "/login/"),
    Visit(
        "developers:login",
        "/login/",
        state="wrong",
        act=fill_and_press("Log in", email="wrong@tinfold.example", password=WRONG),
    ),
    Visit("developers:password-reset", "/password/reset/"),
    Visit("developers:password-reset-sent", "/password/reset/sent/"),
    Visit(
        "developers:password-reset-choose",
        "/password/reset/choose/",
        state="over",
        status=410,
    ),
    Visit(
        "developers:password-reset-link",
        "/password/reset/no-link/",
        state="over",
        status=410,
    ),
    Visit("developers:closed", "/account/closed/"),
    Visit(
        "developers:email-link", "/account/email/not-a-link/", state="over", status=410
    ),
    Visit("developers:mail-stop", "/mails/stop/not-a-link/", state="over", status=404),
    Visit("admin:login", "/admin/login/"),
    Visit(
        "admin:login",
        "/admin/login/",
        state="wrong",
        act=fill_and_press("Log in", username="rita@northwind.example", password=WRONG),
    ),
    Visit("(nowhere)", "/nothing-here/", status=404),
    Visit("(refused)", "/theme/", state="read, not sent", status=405),
]

DEVELOPERS = [
    Visit("home", "/", "mira"),
    Visit("home", "/", "nora", state="after the first claim"),
    Visit("home", "/", "fresh", state="new"),
    Visit("catalogue:list", "/catalogue/", "mira"),
    Visit("catalogue:entry", "/catalogue/shipping/", "mira", state="asked"),
    Visit("catalogue:entry", "/catalogue/geocoding/", "mira", state="held"),
    Visit("keyrequests:ask", "/catalogue/orders-partner/request/", "mira"),
    Visit(
        "keyrequests:ask",
        "/catalogue/orders-partner/request/",
        "mira",
        state="errors",
        act=lambda one: one.page.locator("main form .btn-primary").first.click(),
    ),
    Visit(
        "keyrequests:ask",
        "/catalogue/orders-partner/request/",
        "mira",
        state="read before it is sent",
        act=asked_and_read,
    ),
    Visit("keyrequests:requests", "/requests/", "mira"),
    Visit("keyrequests:requests", "/requests/", "fresh", state="empty"),
    Visit("keyrequests:requests", "/requests/", "nora", state="of each kind"),
    Visit("keyrequests:request", "/requests/{open}/", "mira", state="in review"),
    Visit("keyrequests:request", "/requests/{granted}/", "mira", state="found"),
    Visit("keyrequests:request", "/requests/{ready}/", "nora", state="approved"),
    Visit("keyrequests:request", "/requests/{declined}/", "nora", state="declined"),
    Visit("keyrequests:request", "/requests/{withdrawn}/", "nora", state="withdrawn"),
    Visit("keyrequests:request", "/requests/{claimed}/", "nora", state="claimed"),
    Visit("keyrequests:claim", "/requests/{ready}/claim/", "nora", state="ready"),
    Visit("keyrequests:claim", "/requests/{claimed}/claim/", "nora", state="shown"),
    Visit("keyrequests:keys", "/keys/", "mira"),
    Visit("keyrequests:keys", "/keys/", "fresh", state="empty"),
    Visit("keyrequests:keys", "/keys/", "nora", state="own"),
    Visit("keyrequests:key", "/keys/{found}/", "mira", state="found"),
    Visit("keyrequests:key", "/keys/{uncatalogued}/", "mira", state="no entry"),
    Visit("keyrequests:key", "/keys/{own}/", "nora"),
    Visit("keyrequests:key", "/keys/{revoked}/", "nora", state="revoked"),
    Visit("keyrequests:revoke", "/keys/{own}/revoke/", "nora"),
    Visit(
        "keyrequests:revoke",
        "/keys/{own}/revoke/",
        "nora",
        state="wrong name",
        act=press("Revoke key"),
    ),
    Visit("keyrequests:usage", "/usage/", "mira"),
    Visit("keyrequests:usage", "/usage/?days=90", "mira", state="90 days"),
    Visit("keyrequests:usage", "/usage/", "fresh", state="no key"),
    Visit("keyrequests:usage", "/usage/", "nora", state="no calls"),
    Visit("keyrequests:usage-of-key", "/usage/{found}/", "mira"),
    Visit("keyrequests:usage-of-key", "/usage/{own}/", "nora", state="no calls"),
    Visit("developers:account", "/account/", "mira"),
    Visit(
        "developers:account",
        "/account/",
        "fresh",
        state="errors",
        act=fill_and_press("Save profile", name=""),
    ),
    Visit("developers:security", "/account/security/", "mira"),
    Visit("developers:mails", "/account/mails/", "mira"),
    Visit("developers:data", "/account/data/", "mira"),
    Visit("developers:close", "/account/close/", "mira"),
    Visit("developers:close", "/account/close/", "fresh", state="nothing to lose"),
    Visit(
        "developers:close",
        "/account/close/",
        "fresh",
        state="errors",
        act=press("Close my account for good"),
    ),
    Visit("developers:email-change", "/account/email/", "mira"),
    Visit("developers:password-change", "/password/change/", "mira"),
    Visit(
        "developers:password-change",
        "/password/change/",
        "fresh",
        state="errors",
        act=press("Change password"),
    ),
    Visit(
        "developers:email-confirm",
        "/account/email/confirm/",
        "mira",
        state="over",
        status=410,
    ),
]

STAFF = [
    Visit("admin:index", "/admin/", "rita"),
    Visit("admin:app_list", "/admin/keyrequests/", "rita"),
    Visit("admin:password_change", "/admin/password_change/", "rita"),
    Visit("admin:password_change_done", "/admin/password_change/done/", "rita"),
    Visit("(nowhere)", "/admin/nothing/", "rita", status=404),
    Visit(
        "admin:keyrequests_keyrequest_change",
        "/admin/keyrequests/keyrequest/{request-pk}/change/",
        "rita",
        state="to decide",
    ),
    Visit(
        "admin:keyrequests_keyrequest_change",
        "/admin/keyrequests/keyrequest/{decided-pk}/change/",
        "rita",
        state="declined",
    ),
    Visit(
        "admin:keyrequests_keyrequest_approve",
        "/admin/keyrequests/keyrequest/{request-pk}/approve/",
        "rita",
    ),
    Visit(
        "admin:developers_user_delete",
        "/admin/developers/user/{never-here-pk}/delete/",
        "rita",
    ),
    Visit(
        "admin:keyrequests_keyrequest_decline",
        "/admin/keyrequests/keyrequest/{request-pk}/decline/",
        "rita",
    ),
    Visit(
        "admin:keyrequests_keyrequest_change",
        "/admin/keyrequests/keyrequest/{request-pk}/change/",
        "rita",
        state="declined without a reason",
        act=press("Decline"),
    ),
    Visit(
        "admin:keyrequests_keyrequest_changelist",
        "/admin/keyrequests/keyrequest/?q=nobody-is-called-this",
        "rita",
        state="no hit",
    ),
    Visit(
        "admin:keyrequests_key_change",
        "/admin/keyrequests/key/{own-key-pk}/change/",
        "rita",
        state="claimed",
    ),
    *[
        Visit(
            f"admin:keyrequests_key_{act}",
            f"/admin/keyrequests/key/{{own-key-pk}}/{act}/",
            "rita",
        )
        for act in ("revoke", "plans", "quota")
    ],
    Visit(
        "admin:developers_developer_change",
        "/admin/developers/developer/{developer-pk}/change/",
        "rita",
        state="mira",
    ),
    *[
        Visit(
            f"admin:developers_developer_{act}",
            f"/admin/developers/developer/{{developer-pk}}/{act}/",
            "rita",
        )
        for act in ("deactivate", "password-link", "end-sessions", "edit", "new-key")
    ],
    Visit(
        "admin:developers_developer_activate",
        "/admin/developers/developer/{inactive-pk}/activate/",
        "rita",
    ),
    Visit(
        "admin:auth_user_password_change",
        "/admin/developers/user/{staff-pk}/password/",
        "rita",
    ),
    Visit(
        "admin:catalogue_entry_documents",
        "/admin/catalogue/entry/{entry-pk}/documents/",
        "rita",
    ),
    Visit(
        "admin:portal_site_driftfinding_decide",
        "/admin/portal_site/driftfinding/{finding-pk}/take/",
        "rita",
    ),
    Visit(
        "admin:portal_site_brandversion_edit",
        "/admin/portal_site/brandversion/edit/",
        "rita",
    ),
    Visit(
        "admin:portal_site_brandversion_change",
        "/admin/portal_site/brandversion/{draft-pk}/",
        "rita",
    ),
    Visit(
        "admin:tyk_outbox_abandon",
        "/admin/tyk/outbox/{parked-pk}/abandon/",
        "rita",
    ),
]

#: Addresses that are no page to look at, and what they are instead.
NOT_PAGES = {
    "brand-css": "a sheet",
    "brand-logo": "a picture",
    "brand-logo-dark": "a picture",
    "favicon": "a picture",
    "touch-icon": "a picture",
    "robots": "for robots",
    "sitemap": "for robots",
    "security-txt": "text",
    "metrics": "for Prometheus",
    "health-live": "for machines",
    "health-ready": "for machines",
    "theme": "POST, then back",
    "catalogue:viewer-document": "a document",
    "catalogue:download": "a document",
    "keyrequests:withdraw": "POST, then back",
    "keyrequests:rename": "POST, then back",
    "keyrequests:replace": "POST; shows a key once, walked in test_main_job",
    "keyrequests:change": "for a pending request; walked in test_main_job",
    "keyrequests:leaked": "POST; ends a key and shows another once",
    "keyrequests:tell-me": "POST, then back",
    "keyrequests:tell-me-key": "POST, then back",
    "keyrequests:usage-csv": "a table to download",
    "developers:logout": "POST, then home",
    "developers:picture": "a picture",
    "developers:picture-choose": "POST, then back",
    "developers:browsers-end": "POST, then back",
    "developers:profile-settle": "POST, then back",
    "developers:export": "a file to download",
    "admin:logout": "POST, then the login",
    "admin:autocomplete": "JSON",
    "admin:jsi18n": "words for a script",
    "admin:view_on_site": "a redirect",
    "admin:tyk_outbox_try-again": "POST, then back",
    "admin:tyk_outbox_look": "POST, then back",
    "admin:tyk_pullstate_ask": "POST, then back",
    "admin:portal_site_driftfinding_compare": "POST, then back",
    "admin:portal_site_doctor_examine": "POST, then back",
    "admin:portal_site_brandversion_sample": "a sheet",
    "admin:portal_site_brandversion_stop": "POST, then back",
    "admin:portal_site_brandversion_discard": "POST, then back",
    "admin:portal_site_brandversion_preview": "POST, then the portal",
    "admin:portal_site_brandversion_publish": "POST, then back",
    "admin:portal_site_brandversion_mail": "a mail, shown in a frame of the draft",
    "admin:portal_site_brandversion_logo": "a picture",
    "admin:catalogue_entry_download": "a document",
    "admin:catalogue_entry_preview": "a redirect",
}


def all_visits() -> list[Visit]:
    return [*PUBLIC, *DEVELOPERS, *STAFF, *staff_lists()]


def staff_lists() -> list[Visit]:
    """List, row, history, and what may be added or deleted, of each admin model."""
    known = set(names())
    request = HttpRequest()
    request.user = User(is_staff=True, is_superuser=True, email="rita@example.com")
    visits = []
    for model, pages in admin.site._registry.items():
        meta = model._meta
        named = f"admin:{meta.app_label}_{meta.model_name}"
        base = f"/admin/{meta.app_label}/{meta.model_name}/"
        row = f"{base}{{first:{meta.db_table}:{meta.pk.column}}}/"
        visits.append(Visit(f"{named}_changelist", base, "rita"))
        if pages.has_view_or_change_permission(request, model()):
            visits.append(Visit(f"{named}_change", f"{row}change/", "rita"))
            visits.append(Visit(f"{named}_history", f"{row}history/", "rita"))
        if pages.has_add_permission(request):
            visits.append(Visit(f"{named}_add", f"{base}add/", "rita"))
        if pages.has_delete_permission(request):
            visits.append(Visit(f"{named}_delete", f"{row}delete/", "rita"))
    told = {visit.name for visit in STAFF if not visit.state}
    return [visit for visit in visits if visit.name in known - told]


def closed_to_all() -> set[str]:
    """Names of the admin's own pages that nobody may open."""
    visited = {visit.name for visit in [*STAFF, *staff_lists()]}
    generic = re.compile(r"admin:\w+_(add|delete|history|change)")
    return {name for name in names() if generic.fullmatch(name)} - visited
