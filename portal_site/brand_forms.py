"""What staff may type as the brand. Every refusal is a sentence at its field."""

import re
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import validate_email

from portal_site import logos
from portal_site.face import RADIUS_MAX, Face, Link, Logo
from portal_site.palette import NotAColour, from_hex

LINKS = 6
# Copied into shells with every code sample: nothing a shell could take as its own.
_API = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?")
# They turn the direction of everything after them; names in any script need none.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """`text` in one line. ValidationError for what no reader could see."""
    text = " ".join(text.split())
    if _TURNS.search(text) or any(unicodedata.category(c) == "Cc" for c in text):
        raise forms.ValidationError(
            "There is an invisible control character in this text. Type it again."
        )
    if text and not any(unicodedata.category(c)[0] in "LNPS" for c in text):
        raise forms.ValidationError("Nothing of this text can be seen.")
    return text


def link_address(url: str) -> str:
    """An address the footer may link to. ValidationError for any other."""
    parts = _parts(url)
    fine = (
        parts is not None
        and not re.search(r"[\s\\<>\"'`{}|^]", url)
        and not any(unicodedata.category(c).startswith("C") for c in url)
        and (
            (
                parts.scheme == "https"
                and bool(parts.hostname)
                and "@" not in parts.netloc
            )
            or (parts.scheme == "mailto" and _is_mail(parts.path))
            or (url.startswith("/") and not url.startswith("//"))
        )
    )
    if not fine:
        raise forms.ValidationError(
            "Write https://…, mailto:name@example.com, or a page of this portal "
            "such as /catalogue/."
        )
    return url


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_mail(address: str) -> bool:
    try:
        validate_email(address)
    except forms.ValidationError:
        return False
    return True


class LineField(forms.CharField):
    """One line of text, without what cannot be seen."""

    def clean(self, value: Any) -> str:
        return one_line(super().clean(value))


class LogoField(forms.FileField):
    """A picture, drawn anew; its value is a Logo."""

    widget = forms.FileInput(attrs={"accept": "image/png,image/webp,image/jpeg"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        file: UploadedFile[bytes] | None = super().clean(data, initial)
        if not file:
            return None
        try:
            # One byte more tells a file that is too large, however it was announced.
            return logos.logo_of(file.read(logos.UPLOAD_MAX + 1))
        except logos.NotALogo as why:
            raise forms.ValidationError(str(why)) from None


class BrandForm(forms.Form):
    """The whole face. `began` is the one it changes: its pictures stay if none come."""

    name = LineField(
        label="Name of the portal",
        error_messages={"required": "Give the portal a name."},
        max_length=60,
        help_text="In the header, in titles and as the sender of mails.",
    )
    company = LineField(
        label="Company",
        error_messages={"required": "Say which company it is."},
        max_length=80,
        help_text="After the © in the footer, and at the end of every mail.",
    )
    tagline = LineField(
        label="Headline",
        error_messages={"required": "Write a headline: one short sentence."},
        max_length=120,
        help_text="The first thing visitors read. One short sentence.",
    )
    lead = LineField(
        label="Text below it",
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Two sentences at most.",
    )
    colour = forms.CharField(
        label="Brand colour",
        error_messages={"required": "Choose a colour."},
        max_length=7,
        help_text="Six hex digits, such as #0b6e6e. If white text cannot be read on it, "
        "it is darkened until it can.",
    )
    radius = forms.IntegerField(
        label="Corner radius",
        error_messages={"required": "Choose a radius."},
        min_value=0,
        max_value=RADIUS_MAX,
        help_text=f"0 is square, {RADIUS_MAX} is very round.",
        widget=forms.NumberInput(attrs={"min": 0, "max": RADIUS_MAX}),
    )
    logo = LogoField(
        label="Logo",
        required=False,
        help_text="PNG, WebP or JPEG up to 1 MiB, best 104 pixels high on a "
        "transparent ground. Without one, a mark is made from the name.",
    )
    logo_off = forms.BooleanField(label="Show no logo", required=False)
    logo_dark = LogoField(
        label="Logo on dark",
        required=False,
        help_text="For the dark theme, if the other cannot be seen there.",
    )
    logo_dark_off = forms.BooleanField(label="Use the same on dark", required=False)
    support_email = forms.EmailField(
        label="Support address",
        max_length=254,
        required=False,
        help_text="In the footer and wherever we say “write to us”.",
    )
    api_url = LineField(
        label="API address",
        max_length=200,
        required=False,
        help_text="Where developers send calls; it stands in every code sample.",
    )

    def __init__(self, data: Any = None, files: Any = None, *, began: Face) -> None:
        super().__init__(data, files, initial=_initial(began), label_suffix="")
        self.began = began
        for n in range(LINKS):
            self.fields[f"label_{n}"] = LineField(
                label=f"Words{_nth(n)}", max_length=40, required=False
            )
            self.fields[f"url_{n}"] = LineField(
                label=f"Address{_nth(n)}", max_length=300, required=False
            )
            if n < len(began.footer_links):
                self.initial[f"label_{n}"] = began.footer_links[n].label
                self.initial[f"url_{n}"] = began.footer_links[n].url

    def link_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The footer's links, a row each."""
        return [(self[f"label_{n}"], self[f"url_{n}"]) for n in range(LINKS)]

    def clean_colour(self) -> str:
        """As `#rrggbb`: what somebody typed goes into no sheet."""
        text: str = self.cleaned_data["colour"].strip()
        try:
            from_hex(text)
        except NotAColour as why:
            raise forms.ValidationError(str(why)) from None
        digits = text.removeprefix("#").lower()
        return "#" + (digits if len(digits) == 6 else "".join(c * 2 for c in digits))

    def clean_api_url(self) -> str:
        url: str = self.cleaned_data["api_url"]
        if url and not _API.fullmatch(url):
            raise forms.ValidationError(
                "Write it as https://api.example.com, with a path if there is one."
            )
        return url.rstrip("/")

    def clean(self) -> dict[str, Any]:
        for n in range(LINKS):
            self._clean_link(n)
        return self.cleaned_data

    def _clean_link(self, n: int) -> None:
        label = self.cleaned_data.get(f"label_{n}")
        url = self.cleaned_data.get(f"url_{n}")
        if label is None or url is None:
            return  # refused by its field already
        if bool(label) != bool(url):
            missing = f"url_{n}" if label else f"label_{n}"
            self.add_error(missing, "A link needs both words and an address.")
        elif url:
            try:
                link_address(url)
            except forms.ValidationError as why:
                self.add_error(f"url_{n}", why)

    def face(self) -> Face:
        """What was typed, once the form is valid."""
        typed = self.cleaned_data
        pairs = [(typed[f"label_{n}"], typed[f"url_{n}"]) for n in range(LINKS)]
        words = ("name", "company", "tagline", "lead", "support_email", "api_url")
        return Face(
            **{word: typed[word] for word in words},
            footer_links=tuple(Link(label, url) for label, url in pairs if url),
            colour=typed["colour"],
            radius=typed["radius"],
            logo=self._picture("logo"),
            logo_dark=self._picture("logo_dark"),
        )

    def _picture(self, name: str) -> Logo | None:
        if self.cleaned_data[f"{name}_off"]:
            return None
        new: Logo | None = self.cleaned_data[name]
        kept: Logo | None = getattr(self.began, name)
        return new or kept


def _nth(n: int) -> str:
    """The first row's labels stand above all; the others are heard, not seen."""
    return f" of link {n + 1}" if n else ""


def _initial(face: Face) -> dict[str, Any]:
    names = (
        *("name", "company", "tagline", "lead", "support_email", "api_url"),
        *("colour", "radius"),
    )
    return {name: getattr(face, name) for name in names}
