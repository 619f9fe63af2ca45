"""What a job's log tells of its progress: read on from where it was read, or leaving parts out."""

import codecs
import re

from kd_engines.training.job_folder import records
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.progress.reader import ProgressReader

_LINE_END = re.compile(r"[\n\r\x08]")


class LogReading:
    """One job's log: what was read of it, and up to which ``offset``."""

    def __init__(self) -> None:
        self.reader = ProgressReader()
        self.offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self, store: JobStore, job: int, begin: int, end: int) -> None:
        """Take in the bytes from ``begin`` to ``end``, as far as the log can be read.

        What is between `offset` and ``begin`` is left out.
        """
        try:
            content = store.read(job, records.LOG, begin, end - begin)
        except OSError:
            return
        skips = begin > self.offset
        self.offset = begin + len(content)
        if skips:
            self.reader.skip()
            self._decoder.reset()
        text = self._decoder.decode(content)
        if skips:  # it begins within a line, which would be misread
            first = _LINE_END.search(text)
            text = text[first.end() :] if first else ""
        self.reader.feed(text)
