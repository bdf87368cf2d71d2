"""One hex colour in, a whole safe palette out.

A company's colour keeps its hue. Its lightness is lowered until white text on it
reads, and every other role has a fixed lightness and takes only hue and chroma
from it: a new brand cannot break contrast (`failures` proves it, and the tests run
it round the whole colour wheel). Colour maths: Björn Ottosson, "A perceptual color
space for image processing" (OKLab), and WCAG 2.2 for relative luminance.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

Colour = tuple[float, float, float]
"""Lightness 0..1, chroma 0..~0.4, hue in degrees (OKLCH)."""
Linear = tuple[float, float, float]
"""Red, green, blue, each 0..1 and linear in light."""

WHITE: Final[Colour] = (1.0, 0.0, 0.0)
TEXT: Final = 4.5  # WCAG 1.4.3
SHAPE: Final = 3.0  # WCAG 1.4.11
WANTED_ON_FILL: Final = 4.6  # a hair over TEXT, so rounding to hex cannot undo it
RED: Final = 24.0
_HEX: Final = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


class NotAColour(ValueError):
    """The text is not a hex colour; the message is a sentence for staff."""


@dataclass(frozen=True, slots=True)
class Palette:
    """What a brand colour became: the numbers every role is worked out from."""

    hue: float
    chroma: float  # on a light ground
    lightness: float  # of the filled button on a light ground
    chroma_dark: float
    stop_hue: float
    given: str
    corrected: bool  # the given colour was too light, or out of sRGB


# --- Colour maths --------------------------------------------------------------
def _to_linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _to_srgb(value: float) -> float:
    if value <= 0.0031308:
        return 12.92 * value
    return float(1.055 * value ** (1 / 2.4) - 0.055)


def _unclipped(colour: Colour) -> Linear:
    lightness, chroma, hue = colour
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    x = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    y = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    z = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
        -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
        -0.0041960863 * x - 0.7034186147 * y + 1.7076147010 * z,
    )


def _linear(colour: Colour) -> Linear:
    """Clipped per channel, as browsers do with a colour outside sRGB."""
    red, green, blue = (min(1.0, max(0.0, v)) for v in _unclipped(colour))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """WCAG contrast of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def to_hex(colour: Colour) -> str:
    """`#rrggbb`, for mails and for browsers that do not know oklch()."""
    return "#" + "".join(f"{round(_to_srgb(v) * 255):02x}" for v in _linear(colour))


def from_hex(text: str) -> Colour:
    """The OKLCH colour of `#rgb` or `#rrggbb`; NotAColour for anything else."""
    match = _HEX.fullmatch(text.strip())
    if not match:
        raise NotAColour(
            f"{text!r} is not a colour. Write it as six hex digits, such as #0b6e6e."
        )
    digits = match[1] if len(match[1]) == 6 else "".join(c * 2 for c in match[1])
    r, g, b = (_to_linear(int(digits[i : i + 2], 16) / 255) for i in (0, 2, 4))
    x = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    y = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    z = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    lightness = 0.2104542553 * x + 0.7936177850 * y - 0.0040720468 * z
    a = 1.9779984951 * x - 2.4285922050 * y + 0.4505937099 * z
    blue = 0.0259040371 * x + 0.7827717662 * y - 0.8086757660 * z
    return lightness, math.hypot(a, blue), math.degrees(math.atan2(blue, a)) % 360


def _shown(colour: Colour) -> bool:
    return all(-0.0005 <= v <= 1.0005 for v in _unclipped(colour))


def _fit(lightness: float, chroma: float, hue: float) -> float:
    """The largest chroma up to `chroma` that sRGB can show at this lightness."""
    while chroma > 0 and not _shown((lightness, chroma, hue)):
        chroma -= 0.002
    return max(0.0, chroma)


def _stop_hue(hue: float, chroma: float) -> float:
    """Red for "stop", moved aside when the brand itself is red."""
    distance = min(abs(hue - RED), 360 - abs(hue - RED))
    if distance >= 20 or chroma <= 0.06:
        return RED
    return 8.0 if hue >= RED else 40.0


def palette(text: str) -> Palette:
    """The safe palette of one hex colour; NotAColour when it is none."""
    given_lightness, given_chroma, hue = from_hex(text)
    lightness = min(0.6, max(0.34, given_lightness))
    chroma = _fit(lightness, given_chroma, hue)
    while contrast((lightness, chroma, hue), WHITE) < WANTED_ON_FILL:
        lightness -= 0.002
        chroma = _fit(lightness, given_chroma, hue)
    return Palette(
        hue=round(hue, 1),
        chroma=round(chroma, 4),
        lightness=round(lightness - 0.00005, 4),
        chroma_dark=round(min(_fit(0.785, chroma * 1.42, hue), 0.14), 4),
        stop_hue=_stop_hue(hue, chroma),
        given=text.strip(),
        corrected=abs(lightness - given_lightness) >= 0.005,
    )


# --- Roles: every colour that a sheet or a mail may use -----------------------------
Role = Callable[[Palette], Colour]
LIGHT: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "page": lambda p: (0.985, 0.003, p.hue),
        "surface": lambda p: WHITE,
        "sunken": lambda p: (0.965, 0.005, p.hue),
        "line": lambda p: (0.912, 0.007, p.hue),
        "edge": lambda p: (0.61, 0.014, p.hue),
        "ink": lambda p: (0.225, 0.018, p.hue),
        "ink-2": lambda p: (0.415, 0.018, p.hue),
        "ink-3": lambda p: (0.515, 0.016, p.hue),
        "fill": lambda p: (p.lightness, p.chroma, p.hue),
        "fill-hover": lambda p: (p.lightness - 0.055, p.chroma, p.hue),
        "on-fill": lambda p: WHITE,
        "link": lambda p: (min(p.lightness, 0.5), p.chroma, p.hue),
        "tint": lambda p: (0.957, 0.018, p.hue),
        "tint-line": lambda p: (0.86, 0.045, p.hue),
        "on-tint": lambda p: (0.37, p.chroma * 0.8, p.hue),
        "bar": lambda p: (p.lightness, p.chroma, p.hue),
        "hero": lambda p: (p.lightness, p.chroma, p.hue),
        "ok": lambda p: (0.45, 0.105, 155.0),
        "ok-tint": lambda p: (0.962, 0.025, 155.0),
        "ok-line": lambda p: (0.85, 0.06, 155.0),
        "wait": lambda p: (0.47, 0.095, 75.0),
        "wait-tint": lambda p: (0.967, 0.032, 88.0),
        "wait-line": lambda p: (0.86, 0.08, 85.0),
        "stop": lambda p: (0.485, 0.18, p.stop_hue),
        "stop-tint": lambda p: (0.963, 0.02, p.stop_hue),
        "stop-line": lambda p: (0.85, 0.07, p.stop_hue),
    }
)
DARK: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "page": lambda p: (0.175, 0.008, p.hue),
        "surface": lambda p: (0.212, 0.009, p.hue),
        "sunken": lambda p: (0.148, 0.007, p.hue),
        "line": lambda p: (0.305, 0.012, p.hue),
        "edge": lambda p: (0.575, 0.014, p.hue),
        "ink": lambda p: (0.955, 0.004, p.hue),
        "ink-2": lambda p: (0.785, 0.01, p.hue),
        "ink-3": lambda p: (0.69, 0.012, p.hue),
        "fill": lambda p: (0.785, p.chroma_dark, p.hue),
        "fill-hover": lambda p: (0.84, p.chroma_dark * 0.8, p.hue),
        "on-fill": lambda p: (0.19, 0.03, p.hue),
        "link": lambda p: (0.8, p.chroma_dark, p.hue),
        "tint": lambda p: (0.27, 0.03, p.hue),
        "tint-line": lambda p: (0.41, 0.05, p.hue),
        "on-tint": lambda p: (0.88, 0.06, p.hue),
        "bar": lambda p: (0.66, p.chroma_dark, p.hue),
        "hero": lambda p: (0.31, p.chroma_dark * 0.55, p.hue),
        "ok": lambda p: (0.8, 0.13, 155.0),
        "ok-tint": lambda p: (0.26, 0.027, 155.0),
        "ok-line": lambda p: (0.42, 0.06, 155.0),
        "wait": lambda p: (0.84, 0.12, 82.0),
        "wait-tint": lambda p: (0.266, 0.027, 80.0),
        "wait-line": lambda p: (0.44, 0.06, 80.0),
        "stop": lambda p: (0.79, 0.115, p.stop_hue),
        "stop-tint": lambda p: (0.262, 0.034, p.stop_hue),
        "stop-line": lambda p: (0.45, 0.09, p.stop_hue),
    }
)
DEEP: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "deep": lambda p: (0.242, 0.026, p.hue),
        "deep-2": lambda p: (0.295, 0.03, p.hue),
        "deep-line": lambda p: (0.385, 0.034, p.hue),
        "on-deep": lambda p: (0.955, 0.006, p.hue),
        "on-deep-2": lambda p: (0.77, 0.018, p.hue),
        "deep-accent": lambda p: (0.845, p.chroma_dark * 0.9, p.hue),
        "deep-string": lambda p: (0.86, 0.075, p.hue + 75),
    }
)


def roles(of: Palette, *, dark: bool = False) -> dict[str, Colour]:
    """Every colour role, for the light or the dark theme."""
    table = {**(DARK if dark else LIGHT), **DEEP}
    return {name: role(of) for name, role in table.items()}


# --- Proof ---------------------------------------------------------------------------
_GROUNDS = ("page", "surface", "sunken")
PAIRS: Final = (
    *(
        (ink, ground, TEXT)
        for ink in ("ink", "ink-2", "ink-3", "link", "ok", "wait", "stop")
        for ground in _GROUNDS
    ),
    *((i, g, TEXT) for i in ("on-fill",) for g in ("fill", "fill-hover")),
    *((i, "tint", TEXT) for i in ("on-tint", "link", "ink-2")),
    *((state, f"{state}-tint", TEXT) for state in ("ok", "wait", "stop")),
    *(("ink-2", f"{state}-tint", TEXT) for state in ("ok", "wait", "stop")),
    *(("edge", ground, SHAPE) for ground in _GROUNDS),
    *(("fill", ground, SHAPE) for ground in ("page", "surface")),
    ("bar", "surface", SHAPE),
    *(
        (ink, ground, TEXT)
        for ink in ("on-deep", "on-deep-2", "deep-accent", "deep-string")
        for ground in ("deep", "deep-2")
    ),
)


def failures(of: Palette) -> list[str]:
    """Pairs that miss their contrast, as sentences; empty for every real colour."""
    missed = []
    for theme in ("light", "dark"):
        shown = roles(of, dark=theme == "dark")
        pairs = [(f"{i} on {g}", shown[i], shown[g], need) for i, g, need in PAIRS]
        pairs.append(("white on hero", WHITE, shown["hero"], TEXT))
        missed += [
            f"{theme}: {what} has {contrast(one, other):.2f}, needs {need}"
            for what, one, other, need in pairs
            if contrast(one, other) < need
        ]
    return missed


# --- The sheet --------------------------------------------------------------------------
def _hexes(of: Palette, *, dark: bool) -> str:
    pairs = roles(of, dark=dark).items()
    return ";".join(f"--{name}:{to_hex(colour)}" for name, colour in pairs)


def stylesheet(of: Palette, *, radius: int) -> str:
    """`brand.css`: every role in both themes, the hue and the radius."""
    dark = roles(of, dark=True)
    pairs = {n: (to_hex(c), to_hex(dark[n])) for n, c in roles(of).items()}
    declared = ";".join(
        f"--{name}:{light if light == night else f'light-dark({light},{night})'}"
        for name, (light, night) in pairs.items()
    )
    return f":root{{--brand-h:{of.hue};--brand-radius:{radius}px;{declared}}}\n"


def mail_colours(of: Palette) -> dict[str, dict[str, str]]:
    """Hex by role for the light and dark look of a mail (`ink-2` becomes `ink_2`)."""
    return {
        theme: {
            name.replace("-", "_"): to_hex(colour)
            for name, colour in roles(of, dark=theme == "dark").items()
        }
        for theme in ("light", "dark")
    }


def panels(of: Palette, *, radius: int) -> str:
    """`.on-light` and `.on-dark`: both themes beside each other on one page."""
    shape = f"--brand-h:{of.hue};--r:{radius}px;--r-2:{radius * 1.6:g}px"
    # Anew, or they keep the colours of the page around.
    own = "--focus:var(--link);--hair:1px solid var(--line);--rim:1px solid var(--edge)"
    return "".join(
        f".on-{theme}{{{_hexes(of, dark=theme == 'dark')};{own};"
        f"{shape};color-scheme:{theme}}}\n"
        for theme in ("light", "dark")
    )


@dataclass(frozen=True, slots=True)
class OnColour:
    """A ground, the text on it, and how well that reads."""

    ground: str
    text: str
    ratio: float

    @property
    def words(self) -> str:
        """`4.64 to 1`; rounded down, so that no failing one looks as if it passed."""
        return f"{math.floor(self.ratio * 100) / 100:.2f} to 1"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A company's colour as given, and as a filled button has it in each theme."""

    given: OnColour
    light: OnColour
    dark: OnColour
    corrected: bool

    @property
    def reads(self) -> bool:
        """Whether white text could be read on the colour as given."""
        return self.given.ratio >= TEXT


def verdict(of: Palette) -> Verdict:
    """How a palette's colour stood the contrast check."""
    light, dark = roles(of), roles(of, dark=True)
    return Verdict(
        given=_on(from_hex(of.given), WHITE),
        light=_on(light["fill"], light["on-fill"]),
        dark=_on(dark["fill"], dark["on-fill"]),
        corrected=of.corrected,
    )


def _on(ground: Colour, text: Colour) -> OnColour:
    return OnColour(to_hex(ground), to_hex(text), contrast(text, ground))
