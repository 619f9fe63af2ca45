"""How far a job is, read from what it prints: fed as it comes, in chunks of any size.

Progress bars overwrite their line with carriage returns or backspaces; each state between two of
them counts as a line. Memory is bounded whatever is printed.
"""

import copy
import re
import time
from collections.abc import Callable

from kd_pipeline.messages import Progress
from kd_pipeline.progress.blocks import Blocks
from kd_pipeline.progress.lines import ANSI, Bar, Told, read_line, read_row

LONGEST_LINE = 4000
MOST_METRICS = 20
MOST_POINTS = 200
SAMPLE_S = 1.0
MOST_SAMPLES = 30
STUCK_AFTER = 3  # restarts of an inner bar without a move of the outer one: it was left
Point = tuple[int, float | None, float]  # number, epoch or round, value
_LINE_ENDS = re.compile(r"[\n\r\x08]+")


class ProgressReader:
    """Reads progress and metrics from a log's text; ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._state = _State()
        self._series: dict[str, _Series] = {}
        self._unfinished = ""

    def feed(self, text: str) -> None:
        """Take the next part of the log."""
        now = self._clock()
        *lines, last = _LINE_ENDS.split(text)
        for line in lines:
            whole = self._unfinished + line if self._unfinished else line
            self._unfinished = ""
            if whole:
                self._take(whole, now)
        self._unfinished = (self._unfinished + last[:LONGEST_LINE])[:LONGEST_LINE]

    def skip(self) -> None:
        """Forget the unfinished line: a part of the log is left out here."""
        self._unfinished = ""
        self._state.blocks.skip()

    @property
    def progress(self) -> Progress:
        """Return how far the job is now; the line that is being printed counts already."""
        state = self._state
        if self._unfinished:
            state = state.copy()
            _tell(state, self._unfinished, self._clock())
        return state.progress()

    @property
    def history(self) -> dict[str, list[tuple[float | None, float]]]:
        """Return each metric's values, oldest first, with the epoch or round where it is known.

        There are at most `MOST_METRICS`, those that came last, and at most `MOST_POINTS` of each,
        thinned evenly.
        """
        return {
            name: [(at, value) for _, at, value in points] for name, points in self.curves.items()
        }

    @property
    def curves(self) -> dict[str, list[Point]]:
        """Return the same with each value's number, from 1 on, as thinning leaves some out."""
        return {name: series.points() for name, series in self._series.items()}

    def _take(self, line: str, now: float) -> None:
        told = _tell(self._state, line, now)
        if told is None:
            return
        for name, value in told.metrics.items():
            series = self._series.pop(name, None) or _Series()
            series.add(self._state.at(told), value)
            self._series[name] = series
        while len(self._series) > MOST_METRICS:
            del self._series[next(iter(self._series))]


def _tell(state: "_State", line: str, now: float) -> Told | None:
    line = line[:LONGEST_LINE]
    line = ANSI.sub("", line) if "\x1b" in line else line
    blocks = state.blocks
    if blocks.is_trace(line) or blocks.is_header(line):
        return None
    row = blocks.row_of(line)
    told = read_row(row, blocks.columns) if row else read_line(line, state.in_table)
    if told:
        state.take(told, now)
    return told


class _Series:
    """The values of one metric: every n-th, and the newest."""

    def __init__(self) -> None:
        self._kept: list[Point] = []
        self._newest: Point | None = None
        self._every = 1
        self._count = 0

    def add(self, at: float | None, value: float) -> None:
        self._newest = (self._count + 1, at, value)
        if self._count % self._every == 0:
            self._kept.append(self._newest)
            self._newest = None
            if len(self._kept) >= MOST_POINTS + (self._every == 1):  # thinned, the newest is beside
                self._kept = self._kept[::2]
                self._every *= 2
        self._count += 1

    def points(self) -> list[Point]:
        return [*self._kept, self._newest] if self._newest else list(self._kept)


class _State:
    """What is known after the lines so far."""

    def __init__(self) -> None:
        self.in_table = False
        self.blocks = Blocks()
        self._outer: Bar | None = None
        self._outer_done = False  # it was told with metrics, as is done at an epoch's end
        self._from_zero = False
        self._bars: list[Bar] = []  # at most two: one, and one inside of it
        self._restarts = 0
        self._inner = 0.0  # the most of an epoch that was seen done
        self._fits = 0
        self._eta_s: float | None = None
        self._metrics: dict[str, float] = {}
        self._samples: list[tuple[float, float]] = []  # (time, fraction), SAMPLE_S apart
        self._newest: tuple[float, float] | None = None

    def copy(self) -> "_State":
        other = copy.copy(self)
        other._bars, other._samples = list(self._bars), list(self._samples)
        other._metrics, other.blocks = dict(self._metrics), copy.copy(self.blocks)
        return other

    def take(self, told: Told, now: float) -> None:
        if told.trees:
            self.in_table = True
        if told.outer:
            self._begin(told.outer)
            self._outer_done = bool(told.metrics) and told.bar is None
        if told.fits:
            self._fits = told.fits
            self._put(Bar("fits", 0, told.fits, "fit"))
        elif told.fitted and self._fits:
            done = next((bar.current for bar in self._bars if bar.key == "fits"), 0.0)
            self._put(Bar("fits", min(done + 1, self._fits), self._fits, "fit"))
        if told.bar:
            self._put(told.bar)
            inner = self._inner_fraction()
            self._inner = max(self._inner, inner or 0.0)
        self._eta_s = told.eta_s
        for name, value in told.metrics.items():
            self._metrics.pop(name, None)
            self._metrics[name] = value
        while len(self._metrics) > MOST_METRICS:
            del self._metrics[next(iter(self._metrics))]
        self._sample(now)

    def at(self, told: Told) -> float | None:
        """Return the epoch or round that a line's metrics belong to."""
        if told.at is not None:
            return told.at
        return self._outer.current if self._outer else None

    def progress(self) -> Progress:
        bar = self._outer or (self._bars[0] if self._bars else None)
        fraction = self._fraction()
        return Progress(
            fraction=fraction,
            current=bar.current if bar else None,
            total=bar.total if bar else None,
            unit=bar.unit if bar else "",
            eta_s=self._eta(fraction),
            metrics=dict(self._metrics),
        )

    def _begin(self, outer: Bar) -> None:
        """Take in an epoch's line; a new one begins without inner bars."""
        known = self._outer
        if known is None or (known.key, known.total) != (outer.key, outer.total):
            self._from_zero = False
        self._from_zero |= outer.current == 0
        if known is None or known.current != outer.current or known.key != outer.key:
            self._bars, self._inner, self._restarts = [], 0.0, 0
        self._outer = outer

    def _put(self, bar: Bar) -> None:
        """Find a bar's place: it is known, or inside of one that is not full, or on its own."""
        bars = self._bars
        for place, known in enumerate(bars):
            if known.key != bar.key:
                continue
            if place == 0:
                self._restarts = 0
            elif bar.current < known.current:
                self._restarts += 1
                if self._restarts >= STUCK_AFTER:
                    self._bars = [bar]
                    return
            bars[place:] = [bar]
            return
        while bars and (bars[-1].fraction in (None, 1.0) or len(bars) > 1):
            bars.pop()
        self._restarts = 0
        bars.append(bar)

    def _inner_fraction(self) -> float | None:
        """Return how much of the bars is done."""
        if not self._bars or self._bars[0].fraction is None:
            return None
        first = self._bars[0]
        if len(self._bars) == 1 or not first.total:
            return first.fraction
        return min(1.0, (first.current + (self._bars[1].fraction or 0.0)) / first.total)

    def _fraction(self) -> float | None:
        outer = self._outer
        if outer is None or not outer.total:
            return self._inner_fraction()
        done = outer.current if self._from_zero else max(0.0, outer.current - 1)
        done += 1.0 if self._outer_done else self._inner
        return min(1.0, done / outer.total)

    def _sample(self, now: float) -> None:
        fraction = self._fraction()
        if fraction is None:
            return
        if self._newest and fraction < self._newest[1]:
            self._samples = []
        self._newest = (now, fraction)
        if not self._samples:
            self._samples.append(self._newest)
        elif now - self._samples[-1][0] >= SAMPLE_S:
            self._samples = [*self._samples, self._newest][-MOST_SAMPLES:]
        elif len(self._samples) == 1:  # what comes at once may have been printed long ago
            self._samples = [(self._samples[0][0], fraction)]

    def _eta(self, fraction: float | None) -> float | None:
        """Return the seconds that are left: the bar's own word, or as fast as it went lately."""
        if fraction is None or fraction >= 1.0:
            return self._eta_s if fraction is None else 0.0
        if self._outer is None:
            own = self._bars[0].eta_s if len(self._bars) == 1 else None
            if own is not None or self._eta_s is not None:
                return own if own is not None else self._eta_s
        if not self._samples or not self._newest:
            return None
        (first, begun), (last, reached) = self._samples[0], self._newest
        if last - first < SAMPLE_S or reached <= begun:
            return None
        return (last - first) * (1.0 - reached) / (reached - begun)
