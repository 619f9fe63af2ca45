"""The REST calls of a deployment cluster."""

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

import msgspec
import requests

from kd_client.errors import PredictFailed
from kd_client.http_client import CONNECT_S, HttpClient, decoded, is_good
from kd_pipeline.connections import API_SERVICE, ClusterConnection
from kd_pipeline.errors import KdError, ModelNotFound
from kd_pipeline.messages import (
    ErrorDetail,
    ModelList,
    ModelStatus,
    PredictAnswer,
    PredictRequest,
)

ASK_S = 1.8
PREDICT_S = 86_400.0  # a model may take as long as its own limit says, which may be none
LONGEST_OUTPUT = 1000
FAILED: Literal["Failed"] = "Failed"


class _Outcome(msgspec.Struct):
    status: str = ""


class DeploymentClient:
    """Models of one deployment cluster."""

    def __init__(self, find: Callable[[], ClusterConnection], connect_s: float = CONNECT_S) -> None:
        self._http = HttpClient(find, connect_s)

    def members(self) -> list[str]:
        """Return the URL of each engine; a balancer would answer for any one of them.

        Raises EngineStarting where there is none.
        """
        endpoints = self._http.endpoints()
        engines = [e.url for e in endpoints if e.service == API_SERVICE]
        return engines or [e.url for e in endpoints]

    def models_at(self, url: str) -> ModelList:
        """Return how far one engine is with its models."""
        return decoded(
            self._http.call("GET", "/models", at=url, timeout=ASK_S, rounds=1), ModelList
        )

    def states(self, name: str, version: str) -> dict[str, ModelStatus | KdError | None]:
        """Return what each engine says of a model; an error where one does not answer."""
        states: dict[str, ModelStatus | KdError | None] = {}
        for url in self.members():
            try:
                models = self.models_at(url).models
            except KdError as error:
                states[url] = error
            else:
                found = [m for m in models if (m.name, m.version) == (name, version)]
                states[url] = found[0] if found else None
        return states

    def predict_url(self, name: str, version: str) -> str:
        """Return where clients ask a model: at the balancer, if there is one.

        Raises EngineStarting where the cluster has no endpoint.
        """
        return self._http.endpoints()[0].url + _predict_path(name, version)

    def predict(self, name: str, version: str, args: Any) -> Any:
        """Return a model's result; raises PredictFailed."""
        return self.answer(name, version, args).result

    def answer(self, name: str, version: str, args: Any) -> PredictAnswer:
        """Return all that a model answers; raises PredictFailed where it could not.

        The result of a script of 2020, which has none, is what it printed.
        """
        response = self._http.call(
            "POST",
            _predict_path(name, version),
            body=PredictRequest(scoring_args=args),
            timeout=PREDICT_S,
            is_answer=_is_of_a_model,
        )
        answer = _answer(decoded(response, dict[str, Any]), name, version)
        if answer.error:
            told = f"{self._http.cluster.name}: {answer.error.message}"
            raise PredictFailed(told, answer, answer.error.next_step)
        return answer

    def log_of(self, answer: PredictAnswer) -> str:
        """Return what is known of a script's own words beside its answer.

        That is what a script of 2020 wrote to standard error, or else the end of what the process
        of a function script has printed so far.
        """
        log = self._http.call("GET", f"/logs/{answer.id}", timeout=ASK_S)
        text = str(decoded(log, dict[str, Any]).get("logs") or "")
        if text:
            return text
        path = f"/models{_path(answer.model, answer.version)}"
        return decoded(self._http.call("GET", path, timeout=ASK_S), ModelStatus).log


def _is_of_a_model(response: requests.Response) -> bool:
    """Tell whether a model has answered, be it that it failed: then the status is an error's."""
    if is_good(response):
        return True
    try:
        return msgspec.json.decode(response.content, type=_Outcome).status == FAILED
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _answer(found: dict[str, Any], name: str, version: str) -> PredictAnswer:
    """Return an engine's answer; one of 2020 has fewer keys than ours."""
    output = str(found.get("output") or "")
    answer = PredictAnswer(
        id=_number(found.get("id")),
        input=found.get("input"),
        log_url=str(found.get("log_url") or ""),
        node=str(found.get("node") or ""),
        output=output,
        pid=_number(found.get("pid")),
        request_url=str(found.get("request_url") or ""),
        status="Finished",
        model=str(found.get("model") or name),
        version=str(found.get("version") or version),
        result=found["result"] if "result" in found else output.strip(),
    )
    if found.get("status", "Finished") != "Finished":
        answer.status, answer.result = FAILED, None
        why = str(found.get("reason") or "").strip() or output.strip()[-LONGEST_OUTPUT:]
        told = f"{name}/{version} could not answer: {why or found['status']}"
        answer.error = _detail(found.get("error")) or ErrorDetail("ScoringFailed", told)
    return answer


def _detail(error: Any) -> ErrorDetail | None:
    try:
        return msgspec.convert(error, ErrorDetail)
    except msgspec.MsgspecError:
        return None


def _predict_path(name: str, version: str) -> str:
    """Return where a model is asked; raises ModelNotFound for what would be another path's."""
    return f"{_path(name, version)}/predict"


def _path(name: str, version: str) -> str:
    for word in (name, version):
        if word in ("", ".", ".."):
            raise ModelNotFound(f"{word!r} is not a name or version of a model.")
    return f"/{quote(name, safe='')}/{quote(version, safe='')}"


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
