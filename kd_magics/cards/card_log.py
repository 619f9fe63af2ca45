"""What a card reads of its job's log: the last lines, and progress with its history."""

from kd_client.terminal.log_text import LogText
from kd_client.training_client import TrainingClient
from kd_pipeline.messages import Job
from kd_pipeline.progress.reader import ProgressReader

# What came since the last look: of more than this, only the end is read.
MOST_READ = 512 * 1024
END_READ = 64 * 1024


class CardLog:
    """Follows one job's log by its size, a bounded piece at a time."""

    def __init__(self) -> None:
        self._text = LogText()
        self._reader = ProgressReader()
        self._offset = 0

    @property
    def lines(self) -> list[str]:
        """Return the newest lines."""
        return self._text.newest()

    @property
    def reader(self) -> ProgressReader:
        """Return the reader of progress, which was fed all that was read."""
        return self._reader

    def read(self, client: TrainingClient, job: Job) -> None:
        """Read what the log of ``job`` has more than at the last time; raises Unavailable."""
        behind = job.log_size - self._offset
        if behind <= 0:
            return
        skipped = behind > MOST_READ
        if skipped:
            self._offset, behind = job.log_size - END_READ, END_READ
            self._reader.skip()
            self._text = LogText()
        content = client.log(job.id, self._offset, behind)
        self._offset += len(content)
        if skipped:  # the first line is the end of one
            content = content[content.find(b"\n") + 1 :]
        self._reader.feed(self._text.feed_text(content))
