"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from portal_site import metrics, public_files, views, views_brand

urlpatterns = [
    path("", views.home, name="home"),
    path("brand.css", views_brand.sheet, name="brand-css"),
    path("brand/logo", views_brand.logo, name="brand-logo"),
    path("brand/logo-dark", views_brand.logo_dark, name="brand-logo-dark"),
    path("theme/", views.theme, name="theme"),
    path("health/live", views.live, name="health-live"),
    path("health/ready", views.ready, name="health-ready"),
    path("metrics", metrics.page, name="metrics"),
    path("robots.txt", public_files.robots, name="robots"),
    path("sitemap.xml", public_files.sitemap, name="sitemap"),
    path(".well-known/security.txt", public_files.security_txt, name="security-txt"),
    path(".well-known/change-password", public_files.change_password),
    path("favicon.ico", public_files.favicon, name="favicon"),
    path("apple-touch-icon.png", public_files.touch_icon, name="touch-icon"),
    path("apple-touch-icon-precomposed.png", public_files.touch_icon),
    path("admin/", admin.site.urls),
    path("catalogue/", include("catalogue.urls")),
    path("", include("keyrequests.urls")),
    path("", include("developers.urls")),
]

handler400 = "portal_site.views.bad_request"
handler403 = "portal_site.views.forbidden"
handler404 = "portal_site.views.not_found"
handler500 = "portal_site.views.server_error"
