"""Predictions, the one way that must be fast: from a request to a model and back."""

import asyncio
import functools
import time
from urllib.parse import parse_qsl, unquote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kd_engines.deployment.asked import Asked, Form
from kd_engines.deployment.binary_tensors import HEADER, as_json
from kd_engines.deployment.history import History, Prediction
from kd_engines.deployment.infer_form import InferForm
from kd_engines.deployment.model_set import ModelSet
from kd_engines.deployment.predict_form import PredictForm
from kd_engines.deployment.requests_held import Pending
from kd_engines.deployment.served import Served
from kd_engines.deployment.wire import Answer
from kd_engines.web.answers import internal_error
from kd_engines.web.direct import Answer as Answerer
from kd_pipeline.errors import InvalidInput, KdError, PredictTimeout, ScoringFailed, TooLarge

LARGEST_BODY = 4 * 1024 * 1024
GONE = Response(status_code=499)  # nobody reads it
# A prediction's form, its model and version; without a version the engine chooses.
Target = tuple[Form, str, str | None]
PREDICT, INFER = PredictForm(), InferForm()


class Predict:
    """Ask a model version: as an ASGI application, and before ASGI where a request is plain.

    See :mod:`~kd_engines.web.direct`.
    """

    def __init__(self, models: ModelSet, history: History) -> None:
        self._models, self._history = models, history

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one prediction."""
        target = target_of(scope["path"])
        form = target[0] if target else PREDICT
        answered: bytes | Response
        try:
            body = await read(receive)
            if target is None:
                raise InvalidInput("There is no model in this path.")
            if form is INFER and (length := header(scope, HEADER)):
                body = as_json(body, length)
            # After the body: what is taken off meanwhile is not found, instead of cut off.
            asked = self._ask(target, body, host_of(scope))
            if form is PREDICT and wants_url(scope):
                answered = self._answer_later(asked)
            else:
                answered = await self._answer_now(asked, form, receive)
        except KdError as error:
            answered = form.refused(error)
        response = answered if isinstance(answered, Response) else _json(answered)
        await response(scope, receive, send)

    async def _answer_now(self, asked: Asked, form: Form, receive: Receive) -> bytes | Response:
        pending, told = asked.pending, asyncio.Event()
        pending.then = told.set
        gone = asyncio.ensure_future(receive())  # nothing comes after the body
        gone.add_done_callback(lambda _: told.set())
        try:
            if pending.outcome is None:
                await told.wait()
        finally:
            gone.cancel()
            if pending.outcome is None:
                pending.leave()
                pending.then = functools.partial(self._note, asked, form)
            else:
                asked.served.drop(pending)
        return GONE if pending.outcome is None else self._answered(asked, form)

    def _note(self, asked: Asked, form: Form) -> None:
        """Remember an answer for which no client waits here."""
        asked.served.drop(asked.pending)
        try:
            self._answered(asked, form)
        except Exception as error:  # nobody else is there to hear of it
            self._history.add(_remembered(asked, "Failed", str(error)))

    def _answer_later(self, asked: Asked) -> bytes:
        """Return where the answer will be: what the product of 2020 called the mode "batch"."""
        pending = asked.pending
        self._history.begin(_remembered(asked, "Running"))
        pending.then = functools.partial(self._note, asked, PREDICT)
        if pending.outcome is not None:
            pending.then = None
            self._note(asked, PREDICT)
        return PREDICT.begun(asked)

    def begin(self, path: str, body: bytes, host: str, answer: Answerer) -> Pending | None:
        """Take a request and call ``answer`` once; None for a request that ASGI is to answer."""
        target = target_of(path)
        if target is None:
            return None
        try:
            asked = self._ask(target, body, host)
        except KdError:
            return None
        form = target[0]

        def done() -> None:
            asked.served.drop(asked.pending)
            try:
                answered = self._answered(asked, form)
            except KdError as error:
                answered = form.refused(error)
            except Exception as error:
                answered = internal_error(error)
            answer(answered)

        asked.pending.then = done
        return asked.pending

    def _ask(self, target: Target, body: bytes, host: str) -> Asked:
        form, name, version = target
        if version is None:
            version = self._models.default_version(name)
        served = self._models.find(name, version)
        args, wish = form.args(body, served.kind)
        pending = served.ask(args)
        version = served.label.partition("/")[2]  # an alias's own
        number = self._history.next_id()
        node, began = self._history.node, time.perf_counter()
        return Asked(name, version, served, args, wish, host, node, number, pending, began)

    def _answered(self, asked: Asked, form: Form) -> bytes | Response:
        """Return what a request is answered with, and remember it; raises KdError."""
        answer, error = outcome(asked.served, asked.pending)
        taken = time.perf_counter() - asked.began
        self._history.add(
            Prediction(
                *(asked.id, asked.served.label, asked.args, answer.output),
                *(answer.log, answer.pid, "Failed" if error else "Finished", taken),
            )
        )
        return form.answered(asked, answer, error)


def _remembered(asked: Asked, status: str, log: str = "") -> Prediction:
    """Return what is known of a prediction without its answer."""
    taken, pid = time.perf_counter() - asked.began, asked.served.pid or 0
    return Prediction(asked.id, asked.served.label, asked.args, "", log, pid, status, taken)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def outcome(served: Served, pending: Pending) -> tuple[Answer, KdError | None]:
    """Return a model's answer, and the error where the scoring script failed; raises KdError."""
    try:
        answer = pending.result()
    except (ScoringFailed, PredictTimeout) as error:
        return Answer(0, pid=served.pid or 0), error
    answer.pid = answer.pid or served.pid or 0
    if answer.failure is None:
        return answer, None
    if answer.unreadable:
        raise InvalidInput(answer.failure)
    sentence = f"The scoring script of {served.label} failed: {answer.failure}."
    kind = PredictTimeout if answer.timed_out else ScoringFailed
    return answer, kind(sentence.replace("..", "."))


def target_of(path: str) -> Target | None:
    """Return the form, model and version of a prediction's path; None for any other path.

    These are ``/<model>/<version>/predict`` and, of the Open Inference Protocol,
    ``/v2/models/<model>/versions/<version>/infer``, whose version may be left out.
    """
    parts = path.removesuffix("/").split("/")
    if len(parts) == 4 and parts[3] == "predict":
        return PREDICT, unquote(parts[1]), unquote(parts[2])
    if parts[-1] != "infer" or parts[1:3] != ["v2", "models"]:
        return None
    if len(parts) == 5:
        return INFER, unquote(parts[3]), None
    if len(parts) == 7 and parts[4] == "versions":
        return INFER, unquote(parts[3]), unquote(parts[5])
    return None


def wants_url(scope: Scope) -> bool:
    """Tell whether a request has ``?mode=batch``: its result is read from its URL later."""
    return (b"mode", b"batch") in parse_qsl(scope["query_string"])


def host_of(scope: Scope) -> str:
    """Return ``<host>:<port>`` as the client named it."""
    return header(scope, b"host")


def header(scope: Scope, name: bytes) -> str:
    """Return a header of a request; "" without."""
    return next((str(value, "latin-1") for key, value in scope["headers"] if key == name), "")


async def read(receive: Receive) -> bytes:
    """Return a request's body; raises TooLarge as soon as it is over 4 MiB."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        chunks = [body]
    else:
        chunks, size = [body], len(body)
        while message.get("more_body") and size <= LARGEST_BODY:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
    body = b"".join(chunks)
    if len(body) > LARGEST_BODY:
        raise TooLarge(
            f"The request has more than {LARGEST_BODY:,} bytes, which is the limit; send fewer "
            "rows at a time."
        )
    return body
