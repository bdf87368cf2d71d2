"""Addresses of requests and keys, mounted at the root."""

from django.urls import path

from keyrequests.views import claim, keys, requests, usage

app_name = "keyrequests"

urlpatterns = [
    path("catalogue/<slug:slug>/request/", requests.ask, name="ask"),
    path("requests/", requests.listing, name="requests"),
    path("requests/<uuid:code>/", requests.detail, name="request"),
    path("requests/<uuid:code>/claim/", claim.claim, name="claim"),
    path("requests/<uuid:code>/tell-me/", claim.tell_me, name="tell-me"),
    path("requests/<uuid:code>/change/", requests.change, name="change"),
    path("requests/<uuid:code>/withdraw/", requests.withdraw, name="withdraw"),
    path("keys/", keys.listing, name="keys"),
    path("keys/<uuid:code>/", keys.detail, name="key"),
    path("keys/<uuid:code>/rename/", keys.rename, name="rename"),
    path("keys/<uuid:code>/replace/", keys.replace, name="replace"),
    path("keys/<uuid:code>/leaked/", keys.leaked, name="leaked"),
    path("keys/<uuid:code>/tell-me/", keys.tell_me, name="tell-me-key"),
    path("keys/<uuid:code>/revoke/", keys.revoke, name="revoke"),
    path("usage/<uuid:code>/", usage.of_key, name="usage-of-key"),
    path("usage/", usage.overview, name="usage"),
    path("usage/calls.csv", usage.download, name="usage-csv"),
]
