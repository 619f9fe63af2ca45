"""What a submission may hold: every field's limits, told in one sentence each."""

import re
from collections.abc import Mapping

from kd_engines.training import requirements
from kd_engines.training.intake import payload_limits
from kd_engines.training.queue.admission import check_values
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.messages import SubmitJob

LARGEST_CODE = 4 * 1024 * 1024
LONGEST_TEXT = 200  # of a job's name, user and idempotency key, in characters
LARGEST_EXTRAS = 64 * 1024  # of a job's environment or origin, in characters
LONGEST_TIMEOUT_S = 366 * 86400
LAST_FIRST_LINE = 1_000_000
# C0, C1, and what reorders the letters around it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def check(wanted: SubmitJob) -> None:
    """Raise InvalidInput or TooLarge, which name the field, its limit and what to do."""
    _check_code(wanted)
    _check_texts(wanted)
    if wanted.timeout_s is not None and not 0 < wanted.timeout_s <= LONGEST_TIMEOUT_S:
        raise InvalidInput(
            f"timeout_s is {wanted.timeout_s:g}; it is a number of seconds above 0 and at most "
            f"{LONGEST_TIMEOUT_S:,}."
        )
    _check_environment(wanted.env | wanted.credentials)
    check_values(wanted.resources)
    wrong = requirements.problem(wanted.requirements)
    if wrong:
        raise InvalidInput(wrong)
    payload_limits.check(wanted)


def _check_code(wanted: SubmitJob) -> None:
    if not wanted.code.strip():
        raise InvalidInput("The code is empty; send the code that the job is to run.")
    size = len(wanted.code.encode())
    if size > LARGEST_CODE:
        raise TooLarge(
            f"The code has {size:,} bytes, {LARGEST_CODE:,} are the limit; put data and modules "
            "into the project repository and read them from there."
        )
    if not 1 <= wanted.first_line <= LAST_FIRST_LINE:
        raise InvalidInput(
            f"first_line is {wanted.first_line}; it is the line of the cell at which the code "
            f"begins, from 1 to {LAST_FIRST_LINE:,}."
        )


def _check_texts(wanted: SubmitJob) -> None:
    for field, text in (
        ("name", wanted.name),
        ("user", wanted.user),
        ("idempotency_key", "-" if wanted.idempotency_key is None else wanted.idempotency_key),
    ):
        if len(text) > LONGEST_TEXT or _CONTROL.search(text):
            raise InvalidInput(
                f"{field} has at most {LONGEST_TEXT} characters and no control characters; "
                f"this one has {len(text)} characters."
            )
    if wanted.idempotency_key == "":
        raise InvalidInput("idempotency_key is empty; leave it out or give one per submission.")
    extras = {"env": wanted.env, "credentials": wanted.credentials, "origin": wanted.origin}
    for field, texts in extras.items():
        length = sum(len(key) + len(value) for key, value in texts.items())
        if length > LARGEST_EXTRAS:
            raise TooLarge(
                f"{field} has {length:,} characters, {LARGEST_EXTRAS:,} are the limit; put long "
                "values into a file of the project repository."
            )


def _check_environment(own: Mapping[str, str]) -> None:
    for name, value in own.items():
        if not name or "=" in name or "\0" in name + value or name.startswith("KD_"):
            raise InvalidInput(
                f"The environment variable {name[:80]!r} cannot be set for a job: a name has no "
                "'=' and no NUL, and does not begin with KD_."
            )
