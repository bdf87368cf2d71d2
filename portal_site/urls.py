"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from portal_site import metrics, views

urlpatterns = [
    path("", views.home, name="home"),
    path("brand.css", views.brand_css, name="brand-css"),
    path("brand/logo", views.brand_logo, name="brand-logo"),
    path("theme/", views.theme, name="theme"),
    path("health/live", views.live, name="health-live"),
    path("health/ready", views.ready, name="health-ready"),
    path("metrics", metrics.page, name="metrics"),
    path("robots.txt", views.robots, name="robots"),
    path("admin/", admin.site.urls),
    path("catalogue/", include("catalogue.urls")),
    path("", include("keyrequests.urls")),
    path("", include("developers.urls")),
]

handler400 = "portal_site.views.bad_request"
handler403 = "portal_site.views.forbidden"
handler404 = "portal_site.views.not_found"
handler500 = "portal_site.views.server_error"
