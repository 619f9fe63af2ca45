"""What an engine tells of its recent predictions."""

import pytest

from kd_engines.deployment.history import MOST, TRAFFIC_S, History, Prediction

NOW = 1_800_000_000.0


def history(*asked: tuple[str, float, float, str]) -> History:
    """Return a history of (model, seconds ago, seconds taken, status)."""
    found = History("node")
    for model, ago, seconds, status in asked:
        found.add(Prediction(1, model, b"{}", "", "", 1, status, seconds, NOW - ago))
    return found


def test_nothing_was_asked() -> None:
    assert History("node").traffic(NOW) == {}


def test_traffic_is_that_of_the_last_half_minute() -> None:
    found = history(
        ("a/1", TRAFFIC_S + 1, 9.0, "Failed"),
        ("a/1", 20, 0.004, "Finished"),
        ("b/1", 10, 0.5, "Finished"),
        ("a/1", 5, 0.002, "Failed"),
        ("a/1", 1, 0.003, "Finished"),
    ).traffic(NOW)
    assert set(found) == {"a/1", "b/1"}
    assert (found["a/1"].per_second, found["a/1"].failed) == (3 / TRAFFIC_S, 1)
    assert found["a/1"].p50_ms == pytest.approx(3)
    assert found["a/1"].p99_ms == pytest.approx(4)
    assert found["b/1"].p50_ms == found["b/1"].p99_ms == pytest.approx(500)


def test_a_rate_higher_than_what_is_kept_is_right() -> None:
    asked = [("a/1", 2 - i / MOST, 0.001, "Finished") for i in range(2 * MOST)]
    assert history(*asked).traffic(NOW)["a/1"].per_second == pytest.approx(1000, rel=0.01)
