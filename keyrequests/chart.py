"""A bar chart as geometry for an SVG: answered calls solid, errors outlined on top.

The picture is 700 by 200 units and stretched to its place, so labels stand beside
it in HTML. No style attribute anywhere: the content security policy forbids them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from keyrequests.series import Series
from portal_site import formats

WIDTH, HEIGHT = 700.0, 200.0
# Beside each other on a small screen, labels need this much room.
MOST_LABELS = {"hour": 8, "day": 7, "month": 12}
MOST_GROUPS = {"hour": 4, "day": 5, "month": 6}
GAP = {True: 0.5, False: 0.2}  # between bars, of their room: few bars or many
THIN = 1.0  # the least height of something that is not nothing


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket. Heights and places in units of the picture; 0: nothing there."""

    x: float
    width: float
    good_y: float
    good: float
    fail_y: float
    fail: float


@dataclass(frozen=True, slots=True)
class Label:
    """Words below a group of bars; `small` is the part that goes first."""

    small: str
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    bars: list[Bar]
    scale: list[str]  # from the top down
    labels: list[Label]
    sentence: str
    grouped: bool  # a label stands at the beginning of several bars

    @property
    def grid(self) -> list[float]:
        """Where the lines of the scale are, kept inside the picture."""
        steps = len(self.scale) - 1
        lines = [HEIGHT * n / steps for n in range(steps + 1)]
        return [min(max(line, 0.5), HEIGHT - 0.5) for line in lines]


def draw(series: Series) -> Chart:
    """The chart of a series; an empty one has a scale up to 10 calls."""
    points = series.points
    top = round_up(max((counts.hits for _, counts in points), default=0))
    room = WIDTH / max(1, len(points))
    gap = room * GAP[len(points) <= 14]
    bars = [
        _bar(n * room + gap / 2, room - gap, counts.ok, counts.errors, top)
        for n, (_, counts) in enumerate(points)
        if counts.hits
    ]
    labels, grouped = _labels(series)
    scale = [short(top), short(top / 2), "0"]
    return Chart(bars, scale, labels, sentence(series), grouped)


def _bar(x: float, width: float, ok: int, errors: int, top: int) -> Bar:
    good = max(THIN, HEIGHT * ok / top) if ok else 0.0
    fail = max(THIN, HEIGHT * errors / top) if errors else 0.0
    good = min(good, HEIGHT - fail)
    good_y = HEIGHT - good
    # A hair between them, so that the outline is whole.
    fail_y = max(0.0, good_y - fail - (2.0 if good else 0.0))
    numbers = (x, width, good_y, good, fail_y, fail)
    return Bar(*(round(number, 1) for number in numbers))


def round_up(most: int) -> int:
    """The end of a scale that half of is a round number too: 10, 20, 40, 60, 80…"""
    step = 10
    while True:
        for factor in (1, 2, 4, 6, 8):
            if most <= factor * step:
                return factor * step
        step *= 10


def short(number: float) -> str:
    """`10000` → "10k", `1500000` → "1.5M": for the scale of a chart."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + letter
    return f"{number:g}"


# --- Words --------------------------------------------------------------------------
def _labels(series: Series) -> tuple[list[Label], bool]:
    """Not more than fit: with many bars, each stands for as many as the others."""
    points, per = series.points, series.period.per
    if len(points) <= MOST_LABELS[per]:
        return [_label(at, per, len(points)) for at, _ in points], False
    groups = next(n for n in range(MOST_GROUPS[per], 0, -1) if len(points) % n == 0)
    if groups < 3:
        groups = 1
    size = len(points) // groups
    firsts = [points[n * size][0] for n in range(groups)]
    return [_label(at, per, len(points)) for at in firsts], True


def _label(at: datetime, per: str, count: int) -> Label:
    if per == "hour":
        return Label(f"{at:%a}", f"{at:%H:%M}")
    if per == "month":
        return Label(f"{at:%b}", f"{at:%y}" if at.month == 1 or count > 12 else "")
    return Label(f"{at:%a}", f"{at:%-d}") if count <= 7 else Label("", f"{at:%-d %b}")


def bucket_words(at: datetime, per: str) -> str:
    """A bucket in full: "Wed 19 Nov", "19 Nov, 10:00 to 11:00", "November 2025"."""
    if per == "hour":
        return f"{at:%-d %b}, {at:%H:%M} to {at + timedelta(hours=1):%H:%M}"
    return f"{at:%B %Y}" if per == "month" else f"{at:%a %-d %b}"


def sentence(series: Series) -> str:
    """What the picture shows, for those who do not see it."""
    period, busiest = series.period, series.busiest
    start = f"Calls per {period.per}, {period.title}"
    if busiest is None:
        return f"{start}: none."
    at, counts = busiest
    return (
        f"{start}: {formats.figure(series.total.hits)} in all. Highest on "
        f"{bucket_words(at, period.per)} with {formats.figure(counts.hits)}, of which "
        f"{formats.figure(counts.errors)} errors. The table below has every number."
    )
