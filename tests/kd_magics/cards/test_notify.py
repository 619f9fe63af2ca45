"""What the browser is told when a job has ended."""

import json
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kd_magics.cards import notify
from kd_magics.cards.card_view import Snapshot
from tests.kd_magics.cards.test_card_view import job

NOW = datetime.now(UTC)


def test_it_says_what_happened() -> None:
    ended = Snapshot(job("Finished", name="first-try"), "9", NOW)
    assert notify.sentence(ended) == "Job 9 'first-try' on engine: Finished after 12 min"


def test_it_is_told_of_long_jobs_only_when_they_end() -> None:
    assert notify.is_worth(Snapshot(job("Failed"), "9", NOW), 60)
    assert not notify.is_worth(Snapshot(job("Failed"), "9", NOW), 0)
    assert not notify.is_worth(Snapshot(job("Running"), "9", NOW), 60)
    short = job("Finished", ended="2026-11-25T10:01:03Z")
    assert not notify.is_worth(Snapshot(short, "9", NOW), 60)


@given(st.text(max_size=40))
def test_nothing_of_a_job_gets_into_the_script_but_as_text(words: str) -> None:
    snapshot = Snapshot(job("Failed", name=words, reason=words), "9", NOW)
    script = notify.bundle(snapshot)["application/javascript"]
    assert "<" not in script
    found = re.search(r"const told = (.*);\n", script)
    assert found
    assert found[1].isascii()
    told = json.loads(found[1])
    name = f" '{words}'" if words else ""
    assert told["body"].startswith(f"Job 9{name} on engine: Failed")
    assert script.replace(found[1], "") == notify._SCRIPT.replace("%s", "")
