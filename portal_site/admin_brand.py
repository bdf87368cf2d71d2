"""Staff > Brand: edit a draft, see it, publish it, roll back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from developers.models import User
from portal_site import brand, brand_preview, brand_versions
from portal_site.brand_forms import BrandForm
from portal_site.brand_versions import Overtaken, face_of
from portal_site.face import RADIUS_MAX, Brand, Face, Logo, made
from portal_site.models import BrandVersion
from portal_site.palette import NotAColour, palette, panels, verdict
from portal_site.views_brand import ALONE
from tyk.admin import ReadOnlyAdmin

NAME = "portal_site_brandversion"
VERSIONS_SHOWN = 100
Page = Callable[..., HttpResponseBase]
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def person(request: HttpRequest) -> User:
    """Who is signed in."""
    assert isinstance(request.user, User)  # noqa: S101  admin_view lets staff in only
    return request.user


def allowed(request: HttpRequest) -> bool:
    """Whether somebody who may change the brand asks."""
    user = request.user
    return isinstance(user, User) and user.has_perm(brand_preview.CHANGE)


def may_change(view: Page) -> Page:
    """Only for those who may change the brand."""

    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not allowed(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked


def live_row() -> BrandVersion | None:
    """What everybody sees, from the database; None: the settings."""
    return BrandVersion.objects.filter(live=True).first()


def face_or_settings(row: BrandVersion | None) -> Face:
    """The face of a row; of the settings without one."""
    return face_of(row) if row else brand.configured()


class BrandAdmin(ReadOnlyAdmin):
    """One right, `change_brand`, for all of it. Key 0 in an address: the settings."""

    def has_view_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return allowed(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Page, str]] = [
            ("", self.list_view, "changelist"),
            ("edit/", self.edit_view, "edit"),
            ("sample.css", require_safe(self.sample_view), "sample"),
            ("preview/stop/", require_POST(self.stop_view), "stop"),
            ("discard/", require_POST(self.discard_view), "discard"),
            ("<int:pk>/", require_safe(self.version_view), "change"),
            ("<int:pk>/preview/", require_POST(self.preview_view), "preview"),
            ("<int:pk>/publish/", require_POST(self.publish_view), "publish"),
            ("<int:pk>/mail/", require_safe(self.mail_view), "mail"),
            ("<int:pk>/logo/", require_safe(self.logo_view), "logo"),
        ]
        guard = self.admin_site.admin_view
        return [
            path(address, guard(may_change(view)), name=f"{NAME}_{name}")
            for address, view, name in pages
        ]

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, object]
    ) -> HttpResponse:
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "live": live_row(),
            **context,
        }
        template = f"admin/portal_site/brandversion/{template}.html"
        return TemplateResponse(request, template, whole)

    # --- Versions ------------------------------------------------------------
    def list_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What is live, who works on what, and every version there was."""
        rows = BrandVersion.objects.defer("logo", "logo_dark")
        mine = rows.filter(draft_of=person(request)).first()
        others = rows.filter(number=None).exclude(draft_of=person(request))
        numbered = rows.filter(number__isnull=False)[:VERSIONS_SHOWN]
        context: dict[str, object] = {
            "title": "Brand",
            "mine": mine,
            "others": others.order_by("-saved_at"),
            "versions": [(row, palette(row.words["colour"])) for row in numbered],
            "settings_palette": palette(brand.configured().colour),
        }
        return self._page(request, "list", context)

    def version_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One version: what it would change, and what can be done with it."""
        row = self._row(pk)
        face, live = face_or_settings(row), live_row()
        title = str(row) if row else "as configured"
        context = {
            **_samples(face, pk),
            "title": f"Brand: {title}",
            "row": row,
            "pk": pk,
            "live": live,
            "is_live": (live.pk if live else 0) == pk,
            "is_mine": row is not None and row.draft_of_id == person(request).pk,
            "moved_on": row is not None and row.number is None and _moved(row, live),
            "differences": brand_versions.differences(face_or_settings(live), face),
        }
        return self._page(request, "version", context)

    def _row(self, pk: int) -> BrandVersion | None:
        return get_object_or_404(BrandVersion, pk=pk) if pk else None

    # --- Editing -------------------------------------------------------------
    def edit_view(self, request: HttpRequest) -> HttpResponse:
        """The form beside what it makes."""
        draft, live = brand_versions.draft_of(person(request)), live_row()
        face = face_or_settings(draft or live)
        posted = request.method == "POST"
        form = BrandForm(
            request.POST if posted else None,
            request.FILES if posted else None,
            began=face,
        )
        if posted and form.is_valid():
            self._save(request, form.face(), live)
            return redirect(f"admin:{NAME}_edit")
        pk = draft.pk if draft else live.pk if live else 0
        context = {
            **_samples(face, pk),
            "title": "Edit the brand",
            "form": form,
            "draft": draft,
            "moved_on": draft is not None and _moved(draft, live),
            "radius_max": RADIUS_MAX,
        }
        return self._page(request, "edit", context)

    def _save(
        self, request: HttpRequest, face: Face, live: BrandVersion | None
    ) -> None:
        row = brand_versions.save(
            face, by=person(request), began_from=live.pk if live else None
        )
        self.log_change(request, row, "Saved a draft of the brand.")
        messages.success(request, "Your draft is saved. Nobody else sees it yet.")

    def discard_view(self, request: HttpRequest) -> HttpResponse:
        row = brand_versions.draft_of(person(request))
        if row is None:
            messages.warning(request, "There is no draft of yours any more.")
        else:
            self.log_change(request, row, "Discarded the draft.")
            brand_versions.discard(person(request))
            messages.success(request, "Your draft is gone. What is live stays.")
        return redirect(f"admin:{NAME}_changelist")

    # --- Publishing ----------------------------------------------------------
    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Publish, or roll back; only over what the person saw as live."""
        row, over = self._row(pk), request.POST.get("over", "")
        if not over.isdigit():
            raise Http404
        before = BrandVersion.objects.filter(pk=int(over)).first()
        try:
            done = self._publish(request, row, before)
        except Overtaken as why:
            messages.error(request, str(why))
            still = pk == 0 or BrandVersion.objects.filter(pk=pk).exists()
            return redirect(f"admin:{NAME}_change", pk) if still else _to_list()
        messages.success(request, f"{done} Everybody sees it within a second.")
        return _to_list()

    def _publish(
        self,
        request: HttpRequest,
        row: BrandVersion | None,
        before: BrandVersion | None,
    ) -> str:
        """What was done, as a sentence. Raises Overtaken."""
        if row is None:
            if before is None:
                raise Overtaken("The settings are live already.")
            brand_versions.withdraw(over=before.pk)
            done = (
                f"Rolled the brand back from version {before.number} to the settings."
            )
            self.log_change(request, before, done)
            return done
        again = row.number is not None
        number = brand_versions.publish(
            row,
            over=before.pk if before else None,
            digest=request.POST.get("digest", ""),
            by=person(request),
        )
        was = f"version {before.number}" if before else "the settings"
        verb = "Rolled the brand back to" if again else "Published"
        done = f"{verb} version {number}, over {was}."
        self.log_change(request, row, done)
        return done

    # --- Looking -------------------------------------------------------------
    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Go to the portal in this version, seen by this person alone."""
        response = redirect("home")
        row = self._row(pk)
        if row is None:
            raise Http404
        brand_preview.start(response, row, by=person(request))
        return response

    def stop_view(self, request: HttpRequest) -> HttpResponse:
        row = brand_preview.version_of(request)
        response = (
            redirect(f"admin:{NAME}_change", row.pk)
            if row and row.draft_of_id != person(request).pk
            else redirect(f"admin:{NAME}_edit" if row else f"admin:{NAME}_changelist")
        )
        brand_preview.stop(response)
        return response

    def mail_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A mail as it would be sent: `?as=light`, `dark` or `text`.

        Its own colours follow the reader's system; here each is chosen.
        """
        chosen = request.GET.get("as", "light")
        template = "emails/reset.txt" if chosen == "text" else "emails/reset.html"
        with brand.one_for_all(made(face_or_settings(self._row(pk)))):
            body = render_to_string(template, _mail_context(), using="mails")
        media = "@media all" if chosen == "dark" else "@media not all"
        kind = "text/plain" if chosen == "text" else "text/html"
        response = HttpResponse(
            body.replace("@media (prefers-color-scheme:dark)", media),
            content_type=f"{kind}; charset=utf-8",
        )
        response["Content-Security-Policy"] = MAIL_POLICY
        return response

    def logo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        face = face_or_settings(self._row(pk))
        dark = request.GET.get("on") == "dark"
        logo: Logo | None = (face.logo_dark if dark else None) or face.logo
        if logo is None:
            raise Http404
        response = HttpResponse(logo.body, content_type=logo.content_type)
        response["Content-Security-Policy"] = ALONE
        return response

    def sample_view(self, request: HttpRequest) -> HttpResponse:
        """The sheet of the samples, for any colour and radius: `?colour=&radius=`."""
        try:
            shades = palette(request.GET.get("colour", "")[:7])
            radius = int(request.GET.get("radius", "")[:2])
        except (NotAColour, ValueError):
            raise Http404 from None
        radius = max(0, min(RADIUS_MAX, radius))
        sheet = panels(shades, radius=radius)
        return HttpResponse(sheet, content_type="text/css; charset=utf-8")


def _to_list() -> HttpResponse:
    return redirect(f"admin:{NAME}_changelist")


def _moved(row: BrandVersion, live: BrandVersion | None) -> bool:
    """Whether somebody published since this draft was begun."""
    return row.began_from_id != (live.pk if live else None)


def _samples(face: Face, pk: int) -> dict[str, object]:
    """What the samples and the contrast check are drawn from."""
    shown: Brand = made(face)
    return {
        "sample": shown,
        "sample_pk": pk,
        "verdict": verdict(shown.palette),
        "themes": ("light", "dark"),
    }


def _mail_context() -> dict[str, object]:
    """As of a mail that everybody knows; its link leads to the form, with no token."""
    return {
        "title": "Choose a new password",
        "preheader": "The link works once.",
        "button_label": "Choose a password",
        "button_url": f"{settings.PORTAL_BASE_URL}{reverse('developers:password-reset')}",
        "name": "Alice",
        "until": timezone.now() + timedelta(minutes=30),
        "stop_url": "",
        "reason": "You get this mail because a new password was asked for.",
    }
