"""The recent predictions of an engine: in memory, bounded in number and in size."""

import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from kd_pipeline.errors import NotFound
from kd_pipeline.messages import Traffic

MOST = 1000
LARGEST_TEXT = 64 * 1024
LARGEST_LISTED = 1024
TRAFFIC_S = 30.0
SOON_S = 5.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """One prediction as the contract tells it: ``args`` is the JSON text of its input.

    Texts over 64 KiB are not kept whole: see :func:`kept`.
    """

    id: int
    model: str
    args: bytes
    output: str
    log: str
    pid: int
    status: str
    seconds: float
    ended: float = field(default_factory=time.time)  # seconds since 1970


class History:
    """The last thousand predictions; an id is used once in an engine's life.

    ``first_id`` is what other engines' ids do not begin with.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self._recent: deque[Prediction] = deque(maxlen=MOST)
        self._running: dict[int, Prediction] = {}  # whose answers are read from here later
        self._last_id = 0
        self.first_id = 0

    def next_id(self) -> int:
        """Return the id of a prediction that begins."""
        self._last_id += 1
        return self.first_id + self._last_id

    def begin(self, prediction: Prediction) -> None:
        """Remember a prediction whose client does not wait for it, until it is added."""
        self._running[prediction.id] = prediction

    def add(self, prediction: Prediction) -> None:
        """Remember a prediction in place of the oldest, without what is too large of it."""
        self._running.pop(prediction.id, None)
        if len(prediction.output) > LARGEST_TEXT or len(prediction.args) > LARGEST_TEXT:
            output, args = prediction.output[:LARGEST_TEXT], bytes(kept(prediction.args))
            prediction = replace(prediction, output=output, args=args)
        self._recent.append(prediction)

    def all(self) -> list[Prediction]:
        """Return the predictions, newest first."""
        return [*reversed(self._running.values()), *reversed(self._recent)]

    def last_asked(self, name: str) -> bytes | None:
        """Return what a version of a model was asked last, and answered soon; None without one."""
        for one in reversed(self._recent):
            is_its = one.status == "Finished" and one.model.partition("/")[0] == name
            if is_its and one.seconds < SOON_S:
                return one.args if len(one.args) < LARGEST_TEXT else None
        return None

    def get(self, text: str) -> Prediction:
        """Return the prediction whose id ``text`` is; raises NotFound."""
        wanted = int(text) if text.isdecimal() and len(text) < 19 else -1
        if wanted in self._running:
            return self._running[wanted]
        for prediction in self._recent:
            if prediction.id == wanted:
                return prediction
        raise NotFound(
            f"Prediction {text[:40]!r} is not among the last {MOST:,} of this engine, which are "
            "all that it keeps."
        )

    def traffic(self, now: float | None = None) -> dict[str, Traffic]:
        """Return what each model, by its label, was asked within the last half minute.

        Where more was asked than is kept, it is what is kept that is counted. ``now`` is in
        seconds since 1970.
        """
        now = time.time() if now is None else now
        recent = [one for one in self._recent if now - one.ended <= TRAFFIC_S]
        kept_all = len(recent) < MOST
        seconds = TRAFFIC_S if kept_all else max(now - recent[0].ended, 1e-3)
        by_model: dict[str, list[Prediction]] = {}
        for one in recent:
            by_model.setdefault(one.model, []).append(one)
        return {model: _traffic(asked, seconds) for model, asked in by_model.items()}

    def told(self, prediction: Prediction, host: str, limit: int = LARGEST_TEXT) -> dict[str, Any]:
        """Return a prediction in the contract's shape, with URLs on ``host``.

        Its output is cut after ``limit`` characters; an input over ``limit`` bytes is left out.
        """
        return {
            "id": prediction.id,
            "input": kept(prediction.args, limit),
            "log_url": f"{host}/logs/{prediction.id}",
            "node": self.node,
            "output": prediction.output[:limit],
            "pid": prediction.pid,
            "request_url": f"{host}/history/{prediction.id}",
            "status": prediction.status,
            "model": prediction.model,
            "seconds": prediction.seconds,
            "time": datetime.fromtimestamp(prediction.ended, UTC).isoformat(
                timespec="milliseconds"
            ),
        }


def kept(args: bytes, limit: int = LARGEST_TEXT) -> msgspec.Raw:
    """Return an input as it is told; in place of one over ``limit`` bytes stands its size."""
    if len(args) <= limit:
        return msgspec.Raw(args)
    return msgspec.Raw(msgspec.json.encode(f"[{len(args):,} bytes are left out]"))


def _traffic(asked: list[Prediction], seconds: float) -> Traffic:
    times = sorted(1000 * one.seconds for one in asked)
    return Traffic(
        per_second=len(asked) / seconds,
        failed=sum(one.status != "Finished" for one in asked),
        p50_ms=times[len(times) // 2],
        p99_ms=times[min(len(times) - 1, len(times) * 99 // 100)],
    )
