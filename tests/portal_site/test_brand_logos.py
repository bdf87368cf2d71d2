"""A logo from an upload: pixels go through, everything else stays behind."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from portal_site.logos import NotALogo, logo_of
from tests.portal_site.brands import picture


def opened(body: bytes) -> Image.Image:
    shown = Image.open(io.BytesIO(body))
    shown.load()
    return shown


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_a_picture_becomes_a_png_of_our_own(kind: str) -> None:
    logo = logo_of(picture(kind))
    shown = opened(logo.body)

    assert logo.content_type == "image/png"
    assert shown.format == "PNG"
    assert shown.size == (400, 100)
    middle = shown.convert("RGB").crop((200, 50, 201, 51)).tobytes()
    assert all(
        abs(is_ - was) < 6 for is_, was in zip(middle, b"\xe2\x50\x2a", strict=True)
    )


def test_it_is_made_as_small_as_it_is_shown() -> None:
    logo = logo_of(picture(size=(4000, 1000)))

    assert opened(logo.body).size == (416, 104)
    assert logo.shown == (104, 26)


def test_a_wide_one_keeps_to_the_header() -> None:
    assert logo_of(picture(size=(2000, 100))).shown == (144, 26)


def test_no_metadata_goes_through() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>secret</script>")
    notes.add_itxt("XML:com.adobe.xmp", "secret")
    exif = Image.Exif()
    exif[0x010E] = "secret"
    png = picture(pnginfo=notes, exif=exif, icc_profile=b"secret" * 9) + b"secret-tail"
    jpeg = picture("JPEG", exif=exif, comment=b"secret")

    for upload in (png, jpeg):
        assert b"secret" in upload
        body = logo_of(upload).body
        assert b"secret" not in body
        assert opened(body).info == {}


def test_a_turned_photo_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn

    assert opened(logo_of(picture("JPEG", exif=exif)).body).size == (26, 104)


def test_of_a_moving_picture_the_first_frame_stays() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGBA", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    shown = opened(logo_of(out.getvalue()).body)

    assert getattr(shown, "n_frames", 1) == 1
    assert shown.convert("RGB").crop((5, 5, 6, 6)).tobytes()[0] > 200


def announced(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        whole = kind + body
        return (
            struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        pytest.param(b"", "no PNG, WebP or JPEG", id="nothing"),
        pytest.param(b"hello", "no PNG, WebP or JPEG", id="text"),
        pytest.param(b"<svg onload=alert(1)>", "SVG files can carry", id="svg"),
        pytest.param(b"\xef\xbb\xbf <?xml version='1.0'?><svg/>", "SVG", id="svg bom"),
        pytest.param(b"\x1f\x8b\x08rest", "SVG files can carry", id="svgz"),
        pytest.param(picture("GIF"), "no PNG, WebP or JPEG", id="gif"),
        pytest.param(picture("TIFF"), "no PNG, WebP or JPEG", id="tiff"),
        pytest.param(picture("ICO"), "no PNG, WebP or JPEG", id="ico"),
        pytest.param(picture()[:-40], "damaged", id="cut off"),
        pytest.param(announced(60000, 60000), "far too many pixels", id="bomb"),
        pytest.param(announced(5000, 5000), "5000 by 5000 pixels", id="large"),
        pytest.param(announced(4000, 4000), "damaged", id="too few pixels"),
        pytest.param(picture(size=(15, 300)), "too small", id="small"),
        pytest.param(b"\x89PNG" + b"x" * 1024 * 1024, "larger than 1 MiB", id="big"),
    ],
)
def test_what_is_no_logo_is_refused_in_a_sentence(upload: bytes, sentence: str) -> None:
    with pytest.raises(NotALogo, match=sentence):
        logo_of(upload)


def test_even_noise_ends_below_the_limit() -> None:
    grains = random.Random(1).randbytes(576 * 104 * 3)  # noqa: S311  no secret
    noise = Image.frombytes("RGB", (576, 104), grains)
    out = io.BytesIO()
    noise.save(out, "PNG")

    assert len(logo_of(out.getvalue()).body) <= 256 * 1024


def test_damaged_bytes_are_refused_and_nothing_else() -> None:
    """A thousand pictures with a few bytes changed: a logo, or the one refusal."""
    chance = random.Random(20261122)  # noqa: S311  no secret
    for n in range(1000):
        whole = bytearray(picture(("PNG", "WEBP", "JPEG")[n % 3], (40, 40)))
        for _ in range(chance.randint(1, 8)):
            whole[chance.randrange(len(whole))] = chance.randrange(256)
        try:
            logo = logo_of(bytes(whole))
        except NotALogo:
            continue
        assert opened(logo.body).format == "PNG"
