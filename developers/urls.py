"""Addresses of the account pages, mounted at the root."""

from django.urls import path

from developers import (
    views,
    views_account,
    views_data,
    views_links,
    views_mails,
    views_picture,
    views_security,
)

app_name = "developers"

urlpatterns = [
    path("sign-up/", views_links.sign_up, name="sign-up"),
    path("sign-up/sent/", views_links.sign_up_sent, name="sign-up-sent"),
    path("confirm/", views_links.confirm, name="confirm"),
    path("confirm/<str:token>/", views_links.open_confirm_link, name="confirm-link"),
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
    path("password/reset/", views_links.reset, name="password-reset"),
    path("password/reset/sent/", views_links.reset_sent, name="password-reset-sent"),
    path(
        "password/reset/choose/", views_links.reset_choose, name="password-reset-choose"
    ),
    path(
        "password/reset/<str:token>/",
        views_links.open_reset_link,
        name="password-reset-link",
    ),
    path("password/change/", views.change_password, name="password-change"),
    path("account/", views_account.account, name="account"),
    path("account/email/", views_account.change_email, name="email-change"),
    path("account/email/confirm/", views_account.confirm_email, name="email-confirm"),
    path(
        "account/email/<str:token>/", views_account.open_email_link, name="email-link"
    ),
    path("account/profile/", views_account.settle_profile, name="profile-settle"),
    path("account/picture/", views_picture.picture, name="picture"),
    path(
        "account/picture/choose/", views_picture.choose_picture, name="picture-choose"
    ),
    path("account/security/", views_security.security, name="security"),
    path("account/security/end/", views_security.end_browsers, name="browsers-end"),
    path("account/mails/", views_mails.mails, name="mails"),
    path("account/data/", views_data.data, name="data"),
    path("account/data/export/", views_data.download, name="export"),
    path("account/close/", views_data.close, name="close"),
    path("account/closed/", views_data.closed, name="closed"),
    path("mails/stop/<str:token>/", views_mails.stop, name="mail-stop"),
]
