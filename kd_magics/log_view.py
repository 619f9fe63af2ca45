"""Put a job's log and rich outputs on the screen in the order in which they came."""

import codecs
from collections import deque

from kd_magics.job import Job
from kd_magics.screen import show_bundle
from kd_pipeline.messages import JobOutput

# A notebook keeps what it shows: more than this makes it slow to open.
MOST_SHOWN = 1024 * 1024
END_SHOWN = 64 * 1024
TAIL_READ = 1024 * 1024


class LogView:
    """The screen's end of one job's log; ``offset`` is the byte of the log reached."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._outputs: deque[JobOutput] = deque()
        self._after = 0
        self._left = MOST_SHOWN
        self._hidden = bytearray()
        self._hidden_bytes = 0
        self._outputs_from = 0
        self._ends_line = True
        self.offset = 0

    def begin(self, size: int, tail: int | None) -> int:
        """Choose where to begin in a log of ``size`` bytes: at 0, or near its end; return that."""
        if tail is not None:
            self.offset = self._outputs_from = self._tail_offset(size, tail)
        elif size > MOST_SHOWN:
            self.offset = size - END_SHOWN
            print(
                f"[the log has {size:,} bytes; this is its end, _job.log() returns all of it]",
                flush=True,
            )
        return self.offset

    def take_outputs(self) -> None:
        """Ask the engine for outputs that came since; they are shown at their place in the log."""
        while (page := self._job.client.outputs(self._job.id, self._after)).outputs:
            self._outputs.extend(e for e in page.outputs if e.offset >= self._outputs_from)
            self._after = page.next

    def write(self, content: bytes) -> None:
        """Show the log's next bytes, and the outputs that belong before or between them."""
        position = 0
        while self._outputs and self._outputs[0].offset <= self.offset + len(content) - position:
            entry = self._outputs.popleft()
            until = max(position, position + entry.offset - self.offset)
            self._text(content[position:until])
            self.offset += until - position
            position = until
            _publish(entry)
        self._text(content[position:])
        self.offset += len(content) - position

    def close(self) -> None:
        """Show what is left: outputs after the last byte, and the end of a log cut short."""
        while self._outputs:
            _publish(self._outputs.popleft())
        if self._hidden_bytes:
            left_out = self._hidden_bytes - len(self._hidden)
            if left_out:
                print(f"[{left_out:,} bytes left out; _job.log() returns the whole log]")
            self._print(self._hidden.decode(errors="replace"))
        self._print(self._decoder.decode(b"", final=True))
        if not self._ends_line:
            print(flush=True)

    def _text(self, content: bytes) -> None:
        shown, hidden = content[: self._left], content[self._left :]
        self._left -= len(shown)
        self._print(self._decoder.decode(shown))
        if hidden:
            if not self._hidden_bytes:
                print(f"\n[{MOST_SHOWN:,} bytes are shown; the log's end follows when it ends]")
            self._hidden_bytes += len(hidden)
            self._hidden = (self._hidden + hidden)[-END_SHOWN:]

    def _tail_offset(self, size: int, lines: int) -> int:
        """Return where the last ``lines`` lines begin, within the last 1 MiB."""
        start = max(0, size - TAIL_READ)
        end = self._job.client.log(self._job.id, start, size - start)
        position = len(end) - 1 if end.endswith(b"\n") else len(end)
        for _ in range(lines):
            position = end.rfind(b"\n", 0, position)
            if position < 0:
                return start
        return start + position + 1

    def _print(self, text: str) -> None:
        if text:
            print(text, end="", flush=True)
            self._ends_line = text.endswith("\n")


def _publish(entry: JobOutput) -> None:
    """Show an nbformat output; errors are in the log already, as a traceback."""
    output = entry.output
    if output.get("output_type") in ("display_data", "execute_result"):
        show_bundle(output.get("data") or {}, output.get("metadata") or {})
