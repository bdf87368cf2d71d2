"""Addresses under /catalogue/. Asking for a key is at keyrequests:ask."""

from django.urls import path

from catalogue import views, views_documents

app_name = "catalogue"

urlpatterns = [
    path("", views.shelf, name="list"),
    path("<slug:slug>/", views.entry, name="entry"),
    path(
        "<slug:slug>/documentation/",
        views_documents.documentation,
        name="documentation",
    ),
    path(
        "<slug:slug>/documentation/viewer.json",
        views_documents.viewer_document,
        name="viewer-document",
    ),
    path(
        "<slug:slug>/documentation/download",
        views_documents.download,
        name="download",
    ),
]
