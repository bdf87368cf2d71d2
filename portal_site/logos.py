"""A logo from an upload: decoded, made small and drawn anew, or refused in a sentence.

Only pixels go through: metadata, colour profiles, further frames and whatever hid
behind the picture's end stay behind. SVG is refused: it is a program as much as a
picture, and no maintained library of Python makes one harmless.
"""

import io
import warnings

from PIL import Image, ImageOps

from portal_site.brand import LOGO_MAX
from portal_site.face import LOGO_HEIGHT, LOGO_WIDTH, Logo

UPLOAD_MAX = 1024 * 1024  # bytes
SIDE_MAX = 4096  # pixels
SIDE_MIN = 16
SHARP = 4  # drawn at so many times the size shown, for dense screens
FORMATS = ("PNG", "WEBP", "JPEG")


class NotALogo(ValueError):
    """The upload cannot be used; the message is a sentence for staff."""


def logo_of(upload: bytes) -> Logo:
    """The picture as a PNG of our own making. Raises NotALogo."""
    if len(upload) > UPLOAD_MAX:
        raise NotALogo("The file is larger than 1 MiB. A logo needs far less.")
    if _looks_like_svg(upload):
        raise NotALogo(
            "SVG files can carry programs, so they are not taken. Save the logo as "
            "PNG or WebP, about 100 pixels high, with a transparent ground."
        )
    body = _encoded(_decoded(upload))
    if len(body) > LOGO_MAX:
        raise NotALogo(
            "This picture has too much detail for a logo: even made small it is "
            "larger than 256 KiB. Use one with flat colours."
        )
    return Logo(body, "image/png")


def _looks_like_svg(upload: bytes) -> bool:
    start = upload[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(b"<") or upload.startswith(b"\x1f\x8b")


def _decoded(upload: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(upload), formats=FORMATS)
            _check_size(picture)
            picture.load()
            return ImageOps.exif_transpose(picture).convert("RGBA")
    except NotALogo:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise NotALogo(
            f"The picture has far too many pixels. {SIDE_MAX} by {SIDE_MAX} is the "
            "most, and about 100 pixels high is plenty."
        ) from None
    except Exception as error:  # whatever decoders raise over hostile bytes
        raise NotALogo(
            "This file is no PNG, WebP or JPEG picture, or it is damaged."
        ) from error


def _check_size(picture: Image.Image) -> None:
    """Before a pixel is decoded: a small file can announce a huge picture."""
    width, height = picture.size
    if max(width, height) > SIDE_MAX:
        raise NotALogo(
            f"The picture is {width} by {height} pixels. {SIDE_MAX} by {SIDE_MAX} is "
            "the most, and about 100 pixels high is plenty."
        )
    if min(width, height) < SIDE_MIN:
        raise NotALogo(
            f"The picture is {width} by {height} pixels: too small to read. It needs "
            f"{SIDE_MIN} on each side."
        )


def _encoded(picture: Image.Image) -> bytes:
    """At most the size it is shown at, for dense screens; without metadata."""
    picture.thumbnail(
        (LOGO_WIDTH * SHARP, LOGO_HEIGHT * SHARP), Image.Resampling.LANCZOS
    )
    clean = Image.new("RGBA", picture.size)
    clean.paste(picture)
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return out.getvalue()
