"""Ask the deployment how long a taxi ride will take.

    python notebooks/query.py --from 40.7506,-73.9935 --to 40.6446,-73.7822 --distance 16.6 \\
        --when "2009-01-20 08:30"
    Your ride will take 44 minutes and 9 seconds.

What is not given is asked for. Where the deployment answers, and its token, stand in this
machine's configmeta.json; from elsewhere name ``--url``, and in ``--token-env`` the environment
variable that holds the token: a token on the command line would end in the shell's history.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

TIMEOUTS_S = (3.05, 30)  # to connect, to answer
PLACE = "latitude,longitude such as 40.7506,-73.9935"
MOMENT = "a date and time such as 2009-01-20 08:30"


class QueryError(Exception):
    """What is wrong, in one sentence."""


@dataclass(frozen=True)
class Deployment:
    """Where a deployment engine answers, and the token it wants."""

    url: str
    token: str = field(repr=False)

    def call(self, method: str, path: str, session: Any = requests, **more: Any) -> Any:
        """Return the JSON of the engine's answer; raises QueryError with the engine's sentence."""
        try:
            answer = session.request(
                method,
                f"{self.url.rstrip('/')}/{path}",
                headers={"X-Auth-Token": self.token},
                timeout=TIMEOUTS_S,
                **more,
            )
            body = answer.json()
        except ValueError:
            raise QueryError(f"{self.url} answers, but is not a deployment engine.") from None
        except requests.RequestException as error:
            raise QueryError(
                f"No deployment engine answers at {self.url} ({type(error).__name__}); "
                "`kd status` shows what is running."
            ) from None
        if not answer.ok:
            message = body.get("error", {}).get("message") if isinstance(body, dict) else None
            raise QueryError(message or f"{self.url} answered {answer.status_code}.")
        return body

    def newest(self, model: str) -> str:
        """Return the newest version of ``model`` that is ready; raises QueryError."""
        models = self.call("GET", "models")["models"]
        ready = [m["version"] for m in models if (m["name"], m["state"]) == (model, "Ready")]
        if not ready:
            raise QueryError(f"No version of {model!r} is ready at {self.url}; deploy one first.")
        return max(ready, key=lambda version: [int(n) for n in re.findall(r"\d+", version)])

    def predict(
        self, model: str, version: str, scoring_args: dict[str, Any], session: Any = requests
    ) -> float:
        """Return the ride's duration in seconds; raises QueryError."""
        body = {"use_scoring": True, "scoring_args": scoring_args}
        answer = self.call("POST", f"{model}/{version}/predict", session, json=body)
        if isinstance(answer.get("result"), int | float):
            return float(answer["result"])
        output = str(answer.get("output") or "")  # of an old script: the number in its sentence
        number = re.search(r"-?\d+(\.\d+)?(e-?\d+)?", output)
        if answer.get("status") != "Finished" or not number:
            raise QueryError(f"{model}/{version} gave no duration: {output.strip()[-300:]!r}.")
        return float(number.group())


def connected_deployment(cluster: str | None = None) -> Deployment:
    """Return the deployment engine that configmeta.json names; raises KdError or QueryError."""
    from kd_pipeline.connections_file import ConnectionsFile

    connections = ConnectionsFile().read()
    engines = [connections.cluster(cluster)] if cluster else connections.deployment_clusters()
    endpoints = engines[0].api_endpoints() if engines else ()
    if not endpoints:
        raise QueryError("No deployment engine is connected here; connect one, or give --url.")
    return Deployment(endpoints[0].url, endpoints[0].token)


def scoring_args(
    start: tuple[float, float], end: tuple[float, float], miles: float, when: datetime
) -> dict[str, float]:
    """Return what the scoring script wants; ``start`` and ``end`` are latitude and longitude."""
    weekday = when.weekday() < 5
    return {
        "work": int(weekday and 8 <= when.hour < 18),
        "startstationlatitude": start[0],
        "startstationlongitude": start[1],
        "endstationlatitude": end[0],
        "endstationlongitude": end[1],
        "trip_distance": miles,
        "weekday": int(weekday),
        "hour": when.hour,
    }


def sentence(seconds: float) -> str:
    """Say a duration as a person would."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [
        f"{number} {unit}{'' if number == 1 else 's'}"
        for number, unit in ((hours, "hour"), (minutes, "minute"), (rest, "second"))
        if number
    ] or ["no time"]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)
    return f"Your ride will take {listed}."


def place(text: str) -> tuple[float, float]:
    """Read ``latitude,longitude`` in degrees; raises QueryError."""
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise QueryError(f"{text!r} is not a place; give {PLACE}.") from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise QueryError(f"{text!r} is not on the globe; give {PLACE}.")
    return latitude, longitude


def distance(text: str) -> float:
    """Read a distance in miles; raises QueryError."""
    try:
        miles = float(text)
    except ValueError:
        miles = 0.0
    if not 0 < miles < 150:
        raise QueryError(f"{text!r} is not a distance; give miles over 0 and under 150.")
    return miles


def moment(text: str) -> datetime:
    """Read New York's date and time; raises QueryError."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise QueryError(f"{text!r} is not a time; give {MOMENT}.") from None


def main(arguments: list[str] | None = None) -> int:
    """Ask once, print the sentence; return 0, or 1 after one sentence about what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        ride = scoring_args(
            _given(options.start, place, f"Where does the ride start ({PLACE})? "),
            _given(options.end, place, f"Where does it end ({PLACE})? "),
            _given(options.distance, distance, "How many miles is it? "),
            _given(options.when, moment, f"When does it start ({MOMENT})? "),
        )
        deployment = _deployment(options)
        version = options.version or deployment.newest(options.model)
        print(sentence(deployment.predict(options.model, version, ride)))
    except Exception as error:
        if not isinstance(error, QueryError) and type(error).__module__ != "kd_pipeline.errors":
            raise
        print(error, file=sys.stderr)
        return 1
    return 0


def _deployment(options: argparse.Namespace) -> Deployment:
    if not options.url:
        return connected_deployment(options.cluster)
    token = os.environ.get(options.token_env, "")
    if not token:
        raise QueryError(
            f"{options.token_env} is not set; put the deployment's token into this environment "
            "variable, or name another with --token-env."
        )
    url = options.url if "://" in options.url else f"http://{options.url}"
    return Deployment(url, token)


def _given(text: str | None, read: Callable[[str], Any], question: str) -> Any:
    if text is None:
        try:
            text = input(question)
        except EOFError:
            raise QueryError(f"Nobody answers: {question.strip()}") from None
    return read(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="How long will my taxi ride take?")
    parser.add_argument("--from", dest="start", metavar="LAT,LON", help="where the ride starts")
    parser.add_argument("--to", dest="end", metavar="LAT,LON", help="where it ends")
    parser.add_argument("--distance", metavar="MILES", help="how far it is")
    parser.add_argument("--when", metavar="TIME", help=f"when it starts: {MOMENT}")
    parser.add_argument("--model", default="taxi", help="the model's name (taxi)")
    parser.add_argument("--version", help="the model's version (the newest that is ready)")
    parser.add_argument("--cluster", help="the connected deployment cluster (the first)")
    parser.add_argument("--url", help="the deployment's URL, instead of configmeta.json")
    parser.add_argument("--token-env", default="KD_DEPLOYMENT_TOKEN", metavar="NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main())
