"""Lines that a full disk refuses are said once each, whole and in their order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAYS = """
import resource, sys
from kd_engines.local.teller import Teller

say = Teller()
say("before")
room, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), most))
say("first of the full disk")
say("second of the full disk, é")
resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
say("after")
"""
SAID = "before\nfirst of the full disk\nsecond of the full disk, é\nafter\n"


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("room", [7, 12, 31, 1000])
def test_each_line_is_said_once(tmp_path: Path, room: int, buffered: bool) -> None:
    log = tmp_path / "log"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    options = [] if buffered else ["-u"]
    with log.open("ab") as output:
        subprocess.run(
            [sys.executable, *options, "-c", SAYS, str(room)],
            env=environment,
            stdout=output,
            check=True,
        )
    assert log.read_text() == SAID
