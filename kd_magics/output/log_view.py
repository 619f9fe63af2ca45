"""Put a job's log and rich outputs on the screen in the order in which they came."""

import re
import secrets
import time
from collections import deque
from typing import Any

from kd_client.jobs.job import Job
from kd_client.jobs.outputs import latest_outputs
from kd_client.terminal.log_text import LogText
from kd_magics import face
from kd_magics.screen import show_bundle
from kd_pipeline.messages import JobOutput
from kd_pipeline.quantities import size_text

# Of a log that is longer than may be shown, the end is at most so long, and at most half of it.
END_SHOWN = 64 * 1024
# A Jupyter server drops what comes faster than 1 MB/s (its iopub_data_rate_limit).
BYTES_PER_S = 1_000_000
AT_ONCE = 250_000
# A line that is redrawn for hours is kept by some front ends as often as it was drawn.
MOST_REDRAWN = 256 * 1024
REDRAW_LATER_S = 10.0


class LogView:
    """The screen's end of one job's log; ``offset`` is the byte of the log reached."""

    def __init__(
        self, job: Job, start: int, pattern: re.Pattern[str] | None = None, *, most_shown: int
    ) -> None:
        self._job = job
        self.text = LogText(pattern)
        self.offset = self._outputs_from = start
        self._with_outputs = pattern is None
        self._outputs: deque[JobOutput] = deque()
        self._after = 0
        self._key = secrets.token_hex(4)  # each view replaces its own outputs only
        self._shown: set[str] = set()
        self._screen = _Screen(most_shown)

    def take_outputs(self) -> None:
        """Ask the engine for outputs that came since; they are shown at their place in the log."""
        if not self._with_outputs:
            return
        while (page := self._job.client.outputs(self._job.id, self._after)).outputs:
            new = (e for e in page.outputs if e.offset >= self._outputs_from)
            self._outputs = deque(latest_outputs([*self._outputs, *new]))
            self._after = page.next

    def write(self, content: bytes) -> None:
        """Show the log's next bytes, and the outputs that belong before or between them."""
        position = 0
        while self._outputs and self._outputs[0].offset <= self.offset + len(content) - position:
            entry = self._outputs.popleft()
            until = max(position, position + entry.offset - self.offset)
            self._screen.pour(self.text.feed(content[position:until]))
            self._screen.redraw(self.text, at_once=True)
            self.offset += until - position
            position = until
            self._publish(entry)
        self._screen.pour(self.text.feed(content[position:]))
        self._screen.redraw(self.text)
        self.offset += len(content) - position

    def skip(self, lines: list[str], until: int) -> None:
        """Show lines that were read already, and go on from the byte ``until``."""
        self._screen.pour("".join(lines))
        self.offset = self._outputs_from = until

    def close(self) -> None:
        """Show what is left: outputs after the last byte, and the end of a log cut short."""
        while self._outputs:
            self._publish(self._outputs.popleft())
        self._screen.pour(self.text.close())
        self._screen.close()

    def _publish(self, entry: JobOutput) -> None:
        """Show an nbformat output; errors are in the log already, as a traceback."""
        output, display_id = entry.output, entry.display_id
        if output.get("output_type") not in ("display_data", "execute_result"):
            return
        options: dict[str, Any] = {}
        if display_id is not None:
            is_shown = display_id in self._shown
            options = {"display_id": f"{self._key}-{display_id}", "update": is_shown}
            self._shown.add(display_id)
        show_bundle(output.get("data") or {}, output.get("metadata") or {}, **options)


class _Screen:
    """Standard output with a limit; beyond it the newest text is kept for the end."""

    def __init__(self, most_shown: int) -> None:
        self._most_shown = most_shown
        self._end_shown = min(END_SHOWN, most_shown // 2)
        self._left = most_shown - self._end_shown
        self._hidden = ""
        self._hidden_bytes = self._hidden_lines = 0
        self._ends_line = True
        self._redrawn = 0
        self._redraw_at = 0.0
        self._began = time.monotonic()
        self._poured = 0

    def pour(self, text: str) -> None:
        """Print text as far as the limit allows."""
        if self._hidden_bytes:
            self._hide(text)
            return
        encoded = text.encode(errors="replace")
        if len(encoded) > self._left:
            part = encoded[: self._left]
            part = part[: part.rfind(b"\n") + 1] or part
            self._print(part.decode(errors="ignore"))
            self._hide(encoded[len(part) :].decode(errors="ignore"))
            return
        self._left -= len(encoded)
        self._print(text)

    def redraw(self, text: LogText, *, at_once: bool = False) -> None:
        """Print the line that is not finished anew, seldom once that was done very often."""
        now = time.monotonic()
        if self._hidden_bytes or (now < self._redraw_at and not at_once):
            return
        drawn = text.update()
        self._redrawn += len(drawn)
        if drawn and self._redrawn > MOST_REDRAWN:
            self._redraw_at = now + REDRAW_LATER_S
        self._print(drawn)

    def close(self) -> None:
        """Print the end of what was hidden, after a line that says how much is left out."""
        if self._hidden_bytes:
            self._end_line()
            left_out = self._hidden_bytes - len(self._hidden.encode(errors="replace"))
            if left_out > 0:
                end = self._hidden[self._hidden.find("\n") + 1 :]
                lines = self._hidden_lines - end.count("\n")
                print(
                    f"[{lines:,} lines ({size_text(left_out)}) are left out here; "
                    f"{face.typed('logs', '--save', 'FILE')} keeps all]"
                )
                self._hidden = end
            self._print(self._hidden)
        self._end_line()

    def _hide(self, text: str) -> None:
        if text and not self._hidden_bytes:
            self._end_line()
            print(f"[{size_text(self._most_shown)} are shown; the log's end follows when it ends]")
        self._hidden_bytes += len(text.encode(errors="replace"))
        self._hidden_lines += text.count("\n")
        self._hidden = (self._hidden + text)[-self._end_shown :]

    def _print(self, text: str) -> None:
        for begin in range(0, len(text), AT_ONCE):
            part = text[begin : begin + AT_ONCE]
            self._poured += len(part)
            due = self._began + (self._poured - AT_ONCE) / BYTES_PER_S
            if (early := due - time.monotonic()) > 0:
                time.sleep(early)
            print(part, end="", flush=True)
            self._ends_line = part.endswith("\n")

    def _end_line(self) -> None:
        if not self._ends_line:
            print(flush=True)
            self._ends_line = True
