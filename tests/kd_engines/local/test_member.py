"""A member's process: that it has ended is noticed together with how."""

import subprocess
import sys
from pathlib import Path

import pytest

from kd_engines.local.member import Member, describe


def test_a_process_of_ours_lives_until_its_return_code_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Member("c", "RESTServer", 1, "1", tmp_path)
    member.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    member.pid = member.process.pid
    # In the moment between its end and its collection it is gone by its pid already.
    monkeypatch.setattr("kd_engines.local.member.same_process", lambda record: False)
    assert member.alive()
    member.process.kill()
    member.process.wait()
    assert not member.alive()
    assert "SIGKILL" in member.died()


def test_signals_without_a_name_have_a_number() -> None:
    assert describe(-9) == "It was ended by SIGKILL"
    assert describe(-37) == "It was ended by signal 37"
    assert describe(3) == "It ended with exit code 3"
