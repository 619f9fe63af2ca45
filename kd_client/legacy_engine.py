"""Jobs of an engine of the 2020 product, which knows /train, /history and /logs only.

Some of these engines wrap each answer in a list of one element, and each member knows its own
requests only, so a job is asked for where its ``request_url`` says it is.
"""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from kd_client.errors import BadOptions, InvalidAnswer
from kd_client.http_client import HttpClient, decoded
from kd_pipeline.messages import Job, Resources, SubmitJob, TrainRequest


def submit(http: HttpClient, wanted: SubmitJob) -> Job:
    """Send a job's code; it is not sent twice, as such an engine would run it twice.

    Raises BadOptions for what such an engine would leave out without a word.
    """
    lost = [
        option
        for option, value in (
            ("inputs", wanted.inputs),
            ("outputs", wanted.outputs),
            ("params", wanted.params),
            ("files", wanted.files.keys() - {wanted.script}),
            ("arguments", wanted.arguments),
            ("environment variables", wanted.env | wanted.credentials),
            ("requirements", wanted.requirements),
            ("a time limit", wanted.timeout_s),
            ("a clean Python", wanted.clean),
            ("processors, memory and GPUs", wanted.resources != Resources()),
        )
        if value
    ]
    if lost:
        raise BadOptions(
            f"Cluster {http.cluster.name} has a legacy (2020) engine, which takes code and nothing "
            f"else: leave out {', '.join(lost)}. Nothing was sent."
        )
    body = TrainRequest(wanted.code, wanted.user)
    return _job(
        http, _one(http, decoded(http.call("POST", "/train", body=body, repeatable=False), Any))
    )


def job(http: HttpClient, number: int, at: str | None) -> Job:
    """Return a request of the engine's history as a job."""
    return _job(
        http, _one(http, decoded(http.call("GET", f"/history/{number}", at=at), Any)), number
    )


def jobs(http: HttpClient) -> list[Job]:
    """Return the engine's whole history, newest first."""
    found = decoded(http.call("GET", "/history"), Any)
    requests = found if isinstance(found, list) else [found]
    return sorted((_job(http, _one(http, r)) for r in requests), key=lambda j: -j.id)


def log(http: HttpClient, number: int, at: str | None) -> bytes:
    """Return a job's whole log."""
    answer = _one(http, decoded(http.call("GET", f"/logs/{number}", at=at), Any))
    return str(answer.get("logs") or "").encode()


def origin_of(http: HttpClient, url: str) -> str | None:
    """Return the endpoint of the cluster that a job's URL names, if it is one."""
    split = urlsplit(url)
    origin = f"{split.scheme}://{split.netloc}"
    return origin if origin in [e.url for e in http.cluster.api_endpoints()] else None


def _one(http: HttpClient, answer: Any) -> dict[str, Any]:
    if isinstance(answer, list) and answer:
        answer = answer[0]
    if not isinstance(answer, dict):
        raise InvalidAnswer(f"Cluster {http.cluster.name} answered no job: {str(answer)[:200]!r}.")
    return answer


def _job(http: HttpClient, request: dict[str, Any], number: int | None = None) -> Job:
    url = str(request.get("request_url") or "")
    last = urlsplit(url).path.rpartition("/")[2]
    found = request.get("id", int(last) if last.isdecimal() else number)
    try:
        return Job(
            id=msgspec.convert(found, int, strict=False),
            cluster=http.cluster.name,
            status=str(request.get("status") or "Running"),  # type: ignore[arg-type]  # its words
            submitted="",
            request_url=url,
            log_url=str(request.get("log_url") or ""),
            code_sha256="",
            node=request.get("node"),
        )
    except msgspec.ValidationError:
        raise InvalidAnswer(
            f"Cluster {http.cluster.name} answered a job without a number: {str(request)[:200]!r}."
        ) from None
