"""Addresses under /catalogue/. Asking for a key is at keyrequests:ask."""

from django.urls import path

from catalogue import views

app_name = "catalogue"

urlpatterns = [
    path("", views.shelf, name="list"),
    path("<slug:slug>/", views.entry, name="entry"),
]
