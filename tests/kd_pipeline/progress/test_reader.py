"""Progress and metrics are read from what usual libraries print, and from nothing else."""

import io
import itertools
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from kd_pipeline.messages import Progress
from kd_pipeline.progress.reader import LONGEST_LINE, MOST_METRICS, MOST_POINTS, ProgressReader

# As Keras 2 writes a bar: backspaces over the former one, then a carriage return.
KERAS_2 = (
    "Epoch 3/10\n"
    "\r   1/1000 [..............................] - ETA: 5:32 - loss: 2.30 - accuracy: 0.09"
    + "\b" * 80
    + "\r  32/1000 [==>...........................] - ETA: 12s - loss: 0.53 - accuracy: 0.81"
)
KERAS_3 = (
    "Epoch 1/2\n"
    "\x1b[1m 32/313\x1b[0m \x1b[32m━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m3s\x1b[0m "
    "13ms/step - accuracy: 0.41 - loss: 1.9\x08\x08\x08"
)
LIGHTNING = "Epoch 2:  45%|████▌     | 90/200 [00:12<00:15,  7.1it/s, v_num=3, train_loss=0.412]"
BOOSTING_TABLE = (
    "      Iter       Train Loss   Remaining Time \n"
    "         1           1.2345            0.50s\n"
    "         2           1.1345            1.20m\n"
)
SEARCH = (
    "Fitting 5 folds for each of 4 candidates, totalling 20 fits\n"
    "[CV] END ...................................C=1, gamma=0.1; total time=   0.0s\n"
    "[CV 2/5] END ...............C=1, gamma=0.1;, score=0.967 total time=   0.0s\n"
)


def read(text: str, clock: Callable[[], float] = lambda: 0.0) -> Progress:
    """Return the progress after a text."""
    reader = ProgressReader(clock)
    reader.feed(text)
    return reader.progress


@pytest.mark.parametrize(
    ("text", "fraction", "current", "total", "unit", "metrics"),
    [
        (KERAS_2, (2 + 0.032) / 10, 3, 10, "epoch", {"loss": 0.53, "accuracy": 0.81}),
        (KERAS_3, 32 / 313 / 2, 1, 2, "epoch", {"loss": 1.9, "accuracy": 0.41}),
        (
            "313/313 ━━━━━━━━━━ 1s 2ms/step - accuracy: 0.91 - loss: 0.29",
            1.0,
            313,
            313,
            "step",
            {"accuracy": 0.91, "loss": 0.29},
        ),
        ("Epoch 3/10\n" + LIGHTNING, 0.245, 3, 10, "epoch", {"train_loss": 0.412}),
        (LIGHTNING, 0.45, 90, 200, "it", {"train_loss": 0.412}),
        ("epoch 3/10 loss=0.25\n", 0.3, 3, 10, "epoch", {"loss": 0.25}),
        ("Epoch [3/10], Step [45/100], Loss: 0.25", 0.245, 3, 10, "epoch", {"Loss": 0.25}),
        ("step 45 of 100\n", 0.45, 45, 100, "step", {}),
        ("[12/100] val_loss=0.3\n", 0.12, 12, 100, "", {"val_loss": 0.3}),
        ("Progress: 45%\n", 0.45, 45, 100, "%", {}),
        (SEARCH, 0.1, 2, 20, "fit", {}),
        (
            "[Parallel(n_jobs=2)]: Done  10 out of  50 | elapsed:    0.1s remaining:    0.4s\n",
            0.2,
            10,
            50,
            "task",
            {},
        ),
    ],
)
def test_loops_are_read_from_the_outer_to_the_inner_one(
    text: str, fraction: float, current: float, total: float, unit: str, metrics: dict[str, float]
) -> None:
    found = read(text)
    assert found.fraction == pytest.approx(fraction)
    assert (found.current, found.total, found.unit) == (current, total, unit)
    assert found.metrics == metrics


def test_a_real_bar_of_tqdm_is_read_with_its_own_eta() -> None:
    out = io.StringIO()
    bar = tqdm(total=200, desc="fit", file=out, mininterval=0, ascii=False, ncols=100)
    for _ in range(90):
        bar.update()
    bar.set_postfix(loss=0.5)
    found = read(out.getvalue())
    bar.close()
    assert (found.current, found.total, found.unit) == (90, 200, "it")
    assert found.fraction == pytest.approx(0.45)
    assert found.metrics == {"loss": 0.5}
    assert found.eta_s is not None
    assert found.eta_s >= 0


def test_real_nested_bars_of_tqdm_make_one_fraction() -> None:
    out = io.StringIO()
    fractions = []
    for _ in tqdm(range(4), desc="epochs", file=out, mininterval=0, ncols=80):
        for _ in tqdm(range(10), desc="steps", file=out, mininterval=0, ncols=80, leave=False):
            fractions.append(read(out.getvalue()).fraction)
    assert fractions == sorted(fractions)
    assert fractions[25] == pytest.approx((2 + 5 / 10) / 4)
    assert read(out.getvalue()).fraction == 1.0


def test_bars_with_scaled_units_and_without_a_total_are_read() -> None:
    found = read("45%|████▌     | 4.5M/10.0M [00:12<1:00:15, 1.1MB/s]")
    assert (found.current, found.total, found.unit, found.eta_s) == (4.5e6, 1e7, "B", 3615)
    found = read("90it [00:12,  7.1it/s]")
    assert (found.fraction, found.current, found.unit) == (None, 90, "it")


def test_an_abandoned_bar_does_not_stay_the_outer_one() -> None:
    text = " 30%|███       | 3/10 [00:01<00:02,  3.0it/s]\n"
    for _ in range(5):
        text += "".join(f"\rx: {n}0%|██   | {n}/10 [00:01<00:02,  3.0it/s]" for n in range(1, 10))
    assert read(text).fraction == pytest.approx(0.9)


def test_an_evaluation_after_the_last_epoch_takes_nothing_back() -> None:
    done = "Epoch 10/10\n1000/1000 [=====] - 2s 2ms/step - loss: 0.5\n"
    assert read(done).fraction == 1.0
    assert read(done + "\r 32/313 [=>...] - ETA: 1s").fraction == 1.0


def test_epochs_that_are_counted_from_zero_end_at_one() -> None:
    assert read("Epoch 0/10\n").fraction == 0.0
    assert read("epoch 0/10 loss=1\nepoch 1/10 loss=0.9\n").fraction == pytest.approx(0.2)


def test_the_eta_follows_the_time_between_two_fractions() -> None:
    now = 0.0
    reader = ProgressReader(lambda: now)
    for epoch in range(1, 5):
        now = 10.0 * epoch
        reader.feed(f"epoch {epoch}/10 loss=0.5\n")
    assert reader.progress.eta_s == pytest.approx(60.0)


def test_what_was_printed_before_the_reader_came_does_not_count_as_speed() -> None:
    now = 0.0
    reader = ProgressReader(lambda: now)
    reader.feed("".join(f"epoch {epoch}/100 loss=0.5\n" for epoch in range(1, 51)))
    assert reader.progress.eta_s is None
    now = 10.0
    reader.feed("epoch 51/100 loss=0.5\n")
    assert reader.progress.eta_s == pytest.approx(490.0)


def test_the_history_has_values_with_their_epoch() -> None:
    reader = ProgressReader()
    reader.feed("epoch 1/3 loss=0.9\nepoch 2/3 loss=0.5 acc=0.7\nlr=0.1\n[7]\ttrain-rmse:2\n")
    assert reader.history == {
        "loss": [(1, 0.9), (2, 0.5)],
        "acc": [(2, 0.7)],
        "lr": [(2, 0.1)],
        "train-rmse": [(7, 2.0)],
    }
    reader = ProgressReader()
    reader.feed("loss=1\nloss=2\n")
    assert reader.history == {"loss": [(None, 1.0), (None, 2.0)]}


def test_a_long_history_is_thinned_evenly_and_keeps_the_newest() -> None:
    reader = ProgressReader()
    for step in range(10_001):
        reader.feed(f"step {step} loss={step}\n")
    points = reader.history["loss"]
    assert MOST_POINTS / 2 <= len(points) <= MOST_POINTS
    assert points[0] == (0, 0)
    assert points[-1] == (10_000, 10_000)
    steps = {later[1] - earlier[1] for earlier, later in itertools.pairwise(points[:-1])}
    assert len(steps) == 1


def test_memory_is_bounded_whatever_is_printed() -> None:
    reader = ProgressReader()
    reader.feed("x" * 1_000_000)
    reader.feed("".join(f"name_{n}=1\n" for n in range(1000)))
    reader.feed("".join(f"loss_{n}=1 " for n in range(LONGEST_LINE)))
    assert len(reader.history) <= MOST_METRICS
    assert len(reader.progress.metrics) <= MOST_METRICS


PIECES = st.sampled_from(
    [
        *KERAS_2.split("\r"),
        KERAS_3,
        LIGHTNING,
        BOOSTING_TABLE,
        *SEARCH.splitlines(),
        "\r",
        "\n",
        "\b\b\b",
        "epoch 4/10 loss=0.25",
        "[17]\ttrain-rmse:245.1",
        "100%|██████████| 10/10 [00:12<00:00,  7.1it/s]",
        "x" * 5000,
        "\x1b[",
    ]
) | st.text(max_size=20)


def chunks(text: str, sizes: list[int]) -> Iterator[str]:
    """Cut a text into chunks of these sizes, and the rest."""
    begin = 0
    for size in sizes:
        yield text[begin : begin + size]
        begin += size
    yield text[begin:]


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(0, 60), max_size=30))
def test_the_chunks_in_which_a_log_comes_change_nothing(pieces: list[str], cut: list[int]) -> None:
    text = "".join(pieces)
    whole, parts = ProgressReader(lambda: 0.0), ProgressReader(lambda: 0.0)
    whole.feed(text)
    for chunk in chunks(text, cut):
        parts.feed(chunk)
        assert isinstance(parts.progress, Progress)
    assert parts.progress == whole.progress
    assert parts.history == whole.history


NEAR = st.sampled_from([*"0123456789/%|[]<:=.,-+ eE\r\n\b\t\x1b'\"²٣", "epoch", "loss", "━"])


@given(st.lists(NEAR | st.characters(), max_size=300).map("".join))
def test_garbage_never_raises_and_a_fraction_is_one(text: str) -> None:
    found = read(text)
    assert found.fraction is None or 0.0 <= found.fraction <= 1.0
    assert found.eta_s is None or found.eta_s >= 0.0


HOSTILE = ["loss=", "x=1 ", "ab: 1, ", "[1/2] ", "epoch 3/10 ", "3%|", "1,111", "'s a", "<a ", " "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_lines_cost_little(piece: str) -> None:
    """A line that is twice as long may not cost four times as much: 1 MB takes about 0.2 s here."""
    line = piece * (LONGEST_LINE // len(piece)) + "\n"
    began = time.process_time()
    read(line * (1_000_000 // len(line)))
    assert time.process_time() - began < 5
