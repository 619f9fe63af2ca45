"""How a card looks: text and HTML of what is known of a job."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_magics.cards.card_view import LOOKS, Snapshot, bundle, clock, html, text
from kd_pipeline.messages import Job, Progress, Usage

NOW = datetime(2026, 11, 25, 10, 2, 17, tzinfo=UTC)
AS_OF = NOW.astimezone().strftime("as of %H:%M on %Y-%m-%d")
VOID = {"br", "img"}


def job(status: str = "Running", **more: Any) -> Job:
    fields = {
        "submitted": "2026-11-25T10:00:00Z",
        "started": None if status == "Queued" else "2026-11-25T10:00:04Z",
        "ended": None if status in ("Queued", "Running") else "2026-11-25T10:12:09Z",
        **more,
    }
    known = {"request_url": "http://x/history/9", "log_url": "", "code_sha256": ""}
    return Job(id=9, cluster="engine", status=status, **known, **fields)  # type: ignore[arg-type]


class Page(HTMLParser):
    """Collects words and elements, and checks that all are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[str] = []
        self.open: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """Return what can be read where all styles are stripped."""
        return " ".join("".join(self.words).split())


PROGRESS = Progress(
    fraction=0.45, current=5, total=10, unit="epoch", eta_s=161, metrics={"loss": 0.25123}
)


def test_the_text_is_a_line_with_all_that_matters() -> None:
    assert text(Snapshot(job(), "9", NOW, PROGRESS)) == (
        f"Job 9 on engine: Running {AS_OF}, 2:13, 45 % (epoch 5/10), about 2:41 left, "
        "loss=0.2512 · %logs -f 9 · %cancel 9"
    )
    queued = Snapshot(job("Queued", reason="2 jobs run here."), "other/9", NOW)
    assert text(queued) == (
        f"Job 9 on engine: Queued {AS_OF}, 2:17 · %logs -f other/9 · %cancel other/9\n"
        "2 jobs run here."
    )
    ended = Snapshot(job("Finished", name="first"), "9", NOW, PROGRESS)
    assert text(ended) == "Job 9 'first' on engine: Finished, 12:05, loss=0.2512 · %logs 9"
    failed = Snapshot(job("OutOfMemory"), "9", NOW)
    assert text(failed) == "Job 9 on engine: Out of memory, 12:05 · %logs 9 · %why 9"


@pytest.mark.parametrize("status", sorted(LOOKS))
def test_the_state_is_said_in_words(status: str) -> None:
    page = Page(html(Snapshot(job(status), "9", NOW)))
    words = {"TimedOut": "Timed out", "OutOfMemory": "Out of memory"}.get(status, status)
    assert words in page.text
    assert "Job 9" in page.text


def test_only_what_may_change_says_as_of_when_it_is() -> None:
    assert AS_OF in Page(html(Snapshot(job(), "9", NOW))).text
    for shown in (html, text):
        assert "as of" not in shown(Snapshot(job("Failed"), "9", NOW))


def test_all_that_is_drawn_is_also_said() -> None:
    history = {"loss": [(None, 1.0), (None, 0.5), (None, 0.25)]}
    usage = Usage(187.4, 1_234_567_890, 1_534_567_890, 3, "")
    page = Page(html(Snapshot(job(usage=usage), "9", NOW, PROGRESS, history, ["a line"])))
    for words in (
        "45 % (epoch 5/10)",
        "about 2:41 left",
        "running 2:13",
        "loss 0.2512",
        "CPU 187 %",
        "memory 1.15 GiB (peak 1.43 GiB)",
        "a line",
        "%cancel 9 stops the job",
    ):
        assert words in page.text
    assert "svg" in page.elements


def test_usage_is_hidden_where_it_is_not_known() -> None:
    assert "CPU" not in html(Snapshot(job(), "9", NOW))
    assert "memory peak" in html(Snapshot(job("Finished", memory_peak_bytes=10**9), "9", NOW))


def test_only_the_last_lines_are_shown_without_colours() -> None:
    lines = [f"\x1b[31mline {n}\x1b[0m" for n in range(20)] + ["x" * 1000, "", ""]
    page = html(Snapshot(job(), "9", NOW, lines=lines))
    assert "line 13\n" in page
    assert "line 12" not in page
    assert "x" * 199 + "…" in page
    assert "\x1b" not in page


def test_there_is_no_script_and_nothing_from_outside() -> None:
    evil = "</pre><script>alert(1)</script><img src=x onerror=y>'\""
    snapshot = Snapshot(
        job(name=evil, reason=evil),
        "9",
        NOW,
        Progress(fraction=0.5, unit=evil, current=1, metrics={evil: 1.0}),
        {evil: [(1.0, 1.0), (2.0, 2.0)]},
        [evil],
        evil,
    )
    page = Page(html(snapshot))
    assert not {"script", "img", "link", "iframe", "style"} & set(page.elements)
    assert not [
        name for name in page.attributes if name.startswith("on") or name in ("src", "href")
    ]
    assert page.text.count("alert(1)") == 6
    assert "url(" not in html(snapshot)


numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
progresses = st.builds(
    Progress,
    fraction=st.one_of(st.none(), st.floats(0, 1)),
    current=st.one_of(st.none(), st.floats(0, 1e12)),
    total=st.one_of(st.none(), st.floats(0, 1e12)),
    unit=st.text(max_size=5),
    eta_s=st.one_of(st.none(), st.floats(0, 1e9)),
    metrics=st.dictionaries(st.text(max_size=5), st.floats(), max_size=9),
)


@given(
    st.sampled_from(sorted(LOOKS)),
    st.text(max_size=20),
    st.one_of(st.none(), progresses),
    st.lists(st.tuples(st.none(), st.floats()), max_size=100),
    st.lists(st.text(max_size=20), max_size=10),
)
def test_any_job_has_a_card(
    status: str,
    words: str,
    progress: Progress | None,
    points: list[tuple[float | None, float]],
    lines: list[str],
) -> None:
    names = progress.metrics if progress else {}
    history = dict.fromkeys(names, points)
    known = job(status, name=words, reason=words)
    snapshot = Snapshot(known, "9", NOW, progress, history, lines, words)
    Page(html(snapshot))
    shown = bundle(snapshot, "x/y", {"job": 9})
    assert shown["text/plain"].startswith("Job 9")
    assert shown["x/y"] == {"job": 9}


def test_times_that_are_not_known_are_left_out() -> None:
    old = job(submitted="", started=None)  # as an engine of 2020 tells it
    told = text(Snapshot(old, "9", NOW))
    assert told == f"Job 9 on engine: Running {AS_OF} · %logs -f 9 · %cancel 9"
    ahead = job(started="2026-11-25T11:00:00Z")  # the engine's clock is ahead of ours
    assert ", 0:00 ·" in text(Snapshot(ahead, "9", NOW))


def test_clocks() -> None:
    assert [clock(s) for s in (0, 7.9, 133, 3723)] == ["0:00", "0:07", "2:13", "1:02:03"]
