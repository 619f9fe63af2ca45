"""Routes of the jobs of all training clusters."""

from collections.abc import AsyncIterator

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_extension import jobs
from jupyter_extension.job_notebook import job_notebook
from jupyter_extension.job_pages import Wanted, job_page
from jupyter_extension.log_stream import LogStream
from jupyter_extension.route import CLUSTER, Route, quoted, whole
from kd_client.jobs.query import STATUSES
from kd_client.training_client import TrainingClient
from kd_pipeline.errors import InvalidInput, KdError, Unavailable
from kd_pipeline.messages.sidebar import RerunRequest

JOB = rf"/jobs/{CLUSTER}/(?P<job>[1-9][0-9]{{0,14}})"
MOST_JOBS = 1000
LONGEST_SEARCH = 200
LARGEST_LOG_PART = 1024 * 1024
FARTHEST = 2**53
LOG_TYPE = "text/plain; charset=utf-8"


class JobsRoute(Route):
    """GET jobs?limit=&before=&user=&status=&q=&cluster=."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer a page of the jobs of all clusters, the newest submitted first."""
        await self.answer(job_page, self.attached, self._wanted())

    def _wanted(self) -> Wanted:
        given = self.query({"limit", "before", "user", "status", "q", "cluster"})
        status = given.get("status")
        if status and status not in STATUSES:
            raise InvalidInput(
                f"status is {quoted(status)}, which is none of: {', '.join(STATUSES)}."
            )
        text = given.get("q", "")
        if len(text) > LONGEST_SEARCH:
            raise InvalidInput(
                f"q has {len(text):,} characters; {LONGEST_SEARCH} are the most it may have."
            )
        return Wanted(
            limit=whole("limit", given.get("limit", "100"), 1, MOST_JOBS),
            before=given.get("before", ""),
            status=status,
            user=given.get("user"),
            cluster=given.get("cluster"),
            text=text,
        )


class JobRoute(Route):
    """GET jobs/{cluster}/{job}."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str, job: str) -> None:
        """Answer a job as it is now."""
        self.query(set())
        await self.answer(lambda: jobs.job(self.attached.training(cluster), int(job)))


class LogRoute(Route):
    """GET jobs/{cluster}/{job}/log?offset=&limit=, or ?offset=&follow=1, or ?download=1."""

    stream: LogStream | None = None

    @web.authenticated
    @authorized
    async def get(self, cluster: str, job: str) -> None:
        """Answer a part of the log; all that comes till the end; or what there is, as a file."""
        given = self.query({"offset", "limit", "follow", "download"})
        offset = whole("offset", given.get("offset", "0"), 0, FARTHEST)
        for mode in ("follow", "download"):
            if given.get(mode, "0") not in ("0", "1"):
                raise InvalidInput(f"{mode} is {quoted(given[mode])}; give 1, or leave it out.")
        if given.get("download") == "1":
            if len(given) > 1:
                raise InvalidInput("download=1 is of the whole log: give nothing else with it.")
            await self._download(cluster, int(job))
            return
        if given.get("follow") == "1":
            if "limit" in given:
                raise InvalidInput("limit does not go with follow=1, which goes on to the end.")
            await self._follow(cluster, int(job), offset)
            return
        most = LARGEST_LOG_PART
        limit = whole("limit", given.get("limit", str(most)), 0, most)
        part, size = await self.run(
            lambda: self.attached.training(cluster).log_part(int(job), offset, limit)
        )
        self.set_header("X-Log-Size", str(size))
        self.finish(part, set_content_type=LOG_TYPE)

    async def _follow(self, cluster: str, job: int, offset: int) -> None:
        client, size = await self._begin(cluster, job)
        self.set_header("X-Log-Size", str(size))
        self.stream = self.pipeline.log_streams.open(client, job, offset)
        try:
            await self._send(f"{cluster}/{job}", self.stream.parts())
        finally:
            self.stream.close()

    async def _download(self, cluster: str, job: int) -> None:
        client, size = await self._begin(cluster, job)
        self.set_attachment_header(f"{cluster}-{job}.log")
        self.set_header("Content-Length", str(size))

        async def parts() -> AsyncIterator[bytes]:
            offset = 0
            while offset < size:
                most = min(LARGEST_LOG_PART, size - offset)
                part, _ = await self.run(client.log_part, job, offset, most)
                if not part:
                    raise Unavailable("The log has become shorter.")
                yield part
                offset += len(part)

        await self._send(f"{cluster}/{job}", parts())

    async def _begin(self, cluster: str, job: int) -> tuple[TrainingClient, int]:
        """Return who tells the log and its size; once it has begun, no error can be told."""
        client = await self.run(self.attached.training, cluster)
        found = await self.run(client.job, job)
        return client, await self.run(client.log_size, found)

    async def _send(self, name: str, parts: AsyncIterator[bytes]) -> None:
        self.set_header("Content-Type", LOG_TYPE)
        try:
            await self.flush()
            async for part in parts:
                self.write(part)
                await self.flush()
        except StreamClosedError:
            return  # the browser has gone
        except KdError as error:
            # A part must not look like the whole: the connection breaks, and the browser asks anew.
            self.log.warning("Sending the log of %s ended: %s", name, error)
            self.detach().close()
            return
        self.finish(set_content_type=LOG_TYPE)

    def on_connection_close(self) -> None:
        """Stop following when the browser goes, also while nothing comes."""
        if self.stream:
            self.stream.close()
        super().on_connection_close()


class OutputsRoute(Route):
    """GET jobs/{cluster}/{job}/outputs?after=."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str, job: str) -> None:
        """Answer the rich outputs that come after a former answer's ``next``."""
        after = whole("after", self.query({"after"}).get("after", "0"), 0, FARTHEST)
        await self.answer(lambda: self.attached.training(cluster).outputs(int(job), after))


class FailureRoute(Route):
    """GET jobs/{cluster}/{job}/failure."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str, job: str) -> None:
        """Answer the exception that ended a job; 404 where none did."""
        self.query(set())
        await self.answer(lambda: jobs.failure(self.attached.training(cluster), int(job)))


class CurvesRoute(Route):
    """GET jobs/{cluster}/{job}/curves."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str, job: str) -> None:
        """Answer a job's metrics and what it used, over time."""
        self.query(set())
        await self.answer(lambda: self.attached.training(cluster).curves(int(job)))


class CodeRoute(Route):
    """GET jobs/{cluster}/{job}/code."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str, job: str) -> None:
        """Answer a job's code."""
        self.query(set())
        await self.answer(lambda: self.attached.training(cluster).code(int(job)))


class NotebookRoute(Route):
    """GET jobs/{cluster}/{job}/notebook."""

    @web.authenticated
    @authorized
    async def get(self, cluster: str, job: str) -> None:
        """Answer a job as a notebook file: its cell with its log and outputs."""
        self.query(set())
        name, content = await self.run(job_notebook, self.attached, cluster, int(job))
        self.set_attachment_header(name)
        self.finish(content, set_content_type="application/x-ipynb+json")


class CancelRoute(Route):
    """POST jobs/{cluster}/{job}/cancel."""

    @web.authenticated
    @authorized
    async def post(self, cluster: str, job: str) -> None:
        """Ask for a job's end, and answer it."""
        self.query(set())
        await self.answer(lambda: jobs.cancel(self.attached.training(cluster), int(job)))


class RerunRoute(Route):
    """POST jobs/{cluster}/{job}/rerun."""

    @web.authenticated
    @authorized
    async def post(self, cluster: str, job: str) -> None:
        """Send a job once more, with other params where wanted, and answer the new one."""
        self.query(set())
        wanted = self.body(RerunRequest)
        await self.answer(
            lambda: jobs.rerun(self.attached.training(cluster), int(job), wanted), status=201
        )


class ComparisonRoute(Route):
    """GET comparison?job=c/1&job=c/2."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer jobs side by side."""
        self.query({"job"})
        await self.answer(jobs.comparison, self.attached, self.get_query_arguments("job"))


ROUTES: list[tuple[str, type[Route]]] = [
    (r"/jobs", JobsRoute),
    (JOB, JobRoute),
    (rf"{JOB}/log", LogRoute),
    (rf"{JOB}/outputs", OutputsRoute),
    (rf"{JOB}/failure", FailureRoute),
    (rf"{JOB}/curves", CurvesRoute),
    (rf"{JOB}/code", CodeRoute),
    (rf"{JOB}/notebook", NotebookRoute),
    (rf"{JOB}/cancel", CancelRoute),
    (rf"{JOB}/rerun", RerunRoute),
    (r"/comparison", ComparisonRoute),
]
