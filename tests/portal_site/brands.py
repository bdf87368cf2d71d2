"""What tests of the brand need: people who may change it, faces, pictures."""

import io
from dataclasses import replace
from typing import Any

from django.contrib.auth.models import Permission
from PIL import Image

from developers.models import User
from portal_site import brand, brand_versions
from portal_site.face import Face
from portal_site.models import BrandVersion
from tests import factories

PAGES = "/admin/portal_site/brandversion/"


def editor(name: str = "Erin") -> User:
    """Staff who may change the brand, and nothing else."""
    user: User = factories.StaffFactory(name=name, email=f"{name}@northwind.example")
    user.user_permissions.add(Permission.objects.get(codename="change_brand"))
    return user


def halcyon(**changed: Any) -> Face:
    """Another company than the configured one."""
    face = replace(
        brand.configured(), name="Halcyon", company="Halcyon AG", colour="#e2502a"
    )
    return replace(face, **changed)


def drafted(face: Face, *, by: User) -> BrandVersion:
    return brand_versions.save(face, by=by, began_from=brand_versions.live_pk())


def published(face: Face, *, by: User) -> BrandVersion:
    """A version that is live."""
    row = drafted(face, by=by)
    over = brand_versions.live_pk()
    brand_versions.publish(row, over=over, digest=face.digest, by=by)
    return BrandVersion.objects.get(pk=row.pk)


def typed(**changed: Any) -> dict[str, Any]:
    """A filled form."""
    return {
        "name": "Halcyon",
        "company": "Halcyon AG",
        "tagline": "Ship it with Halcyon.",
        "lead": "",
        "colour": "#e2502a",
        "radius": "10",
        "support_email": "dev@halcyon.example",
        "api_url": "https://api.halcyon.example/v2",
        "label_0": "Terms",
        "url_0": "https://halcyon.example/terms",
        **changed,
    }


def picture(
    kind: str = "PNG", size: tuple[int, int] = (400, 100), **options: Any
) -> bytes:
    """A picture file."""
    mode = "RGB" if kind == "JPEG" else "RGBA"
    out = io.BytesIO()
    Image.new(mode, size, "#e2502a").save(out, kind, **options)
    return out.getvalue()
