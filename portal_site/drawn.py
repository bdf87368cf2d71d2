"""The generated mark as pixels, for what takes no SVG: telephones and old readers."""

from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from portal_site.brand import Brand

SHARPER = 4  # drawn so much larger, then made small: smooth edges
ICO_SIDES = (16, 32, 48)


def icon_png(company: Brand, *, side: int) -> bytes:
    """A square PNG of `side` pixels. A telephone rounds the corners itself."""
    return _png(company.colour, company.initial, side)


def icon_ico(company: Brand) -> bytes:
    """The sizes an .ico holds, with the brand's corners."""
    return _ico(company.colour, company.initial, company.radius)


@lru_cache(maxsize=4)
def _png(colour: str, letter: str, side: int) -> bytes:
    body = BytesIO()
    _mark(colour, letter, side, radius=0).convert("RGB").save(body, "PNG")
    return body.getvalue()


@lru_cache(maxsize=4)
def _ico(colour: str, letter: str, radius: int) -> bytes:
    body = BytesIO()
    largest = max(ICO_SIDES)
    icon = _mark(colour, letter, largest, radius=radius * largest // 24)
    icon.save(body, "ICO", sizes=[(side, side) for side in ICO_SIDES])
    return body.getvalue()


def _mark(colour: str, letter: str, side: int, *, radius: int) -> Image.Image:
    """The letter in white on the brand's colour, as `Brand.favicon` draws it."""
    large = side * SHARPER
    icon = Image.new("RGBA", (large, large))
    draw = ImageDraw.Draw(icon)
    draw.rounded_rectangle((0, 0, large - 1, large - 1), radius * SHARPER, fill=colour)
    # The font that comes with Pillow knows Latin letters alone.
    if letter.isascii():
        font = ImageFont.load_default(large * 0.62)
        draw.text((large / 2, large / 2), letter, "white", font, anchor="mm")
    return icon.resize((side, side), Image.Resampling.LANCZOS)
