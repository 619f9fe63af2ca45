"""Which jobs may be forks of this process, and what makes a fork a process like a new one."""

import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_engines.training.warm import fresh_state
from kd_engines.training.warm.libraries import Libraries, Project
from kd_engines.training.warm.preloaded import Preloaded
from kd_engines.training.warm.recorder import Recorder

# What a job's environment may not have otherwise than this process's: Python and the C library
# have read these when they began.
OF_PYTHON = ("PYTHON", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG", "TZ")
Order = dict[str, Any]


class Forks:
    """The forks of this process; ``own_bytes`` is the memory of one that begins with a job."""

    def __init__(
        self, link: socket.socket, recorder: Recorder, libraries: Libraries, preloaded: Preloaded
    ) -> None:
        self.own_bytes = recorder.bytes
        self._link, self._libraries, self._preloaded = link, libraries, preloaded
        self._of_python = _of_python(recorder.variables)
        self._project = Project(Path.cwd())
        self.modules = preloaded.packages()

    def fits(self, order: Order) -> bool:
        """Tell whether a job can be a fork, and the engine where none can be any more."""
        if not self._libraries.are_as_loaded():
            tell(self._link, "old")
            return False
        if order["is_cold"] or self._project.has_any(self.modules):
            return False
        return _of_python(order["environment"]) == self._of_python

    def show_all(self) -> None:
        """In a runner: have all modules in their places."""
        self._preloaded.show_all()

    def be_new(self, command: list[str], environment: Mapping[str, str]) -> None:
        """In a job's process: be one that was started with these."""
        sys.orig_argv[:] = command
        os.environ.clear()
        os.environ.update(environment)
        self._preloaded.late.begin(environment)
        for path in [path for path, found in sys.path_importer_cache.items() if found is None]:
            del sys.path_importer_cache[path]  # it may be there by now
        fresh_state.renew(self._preloaded.module)


def tell(link: socket.socket, what: str, *words: str) -> None:
    """Tell the engine something; raises OSError where it is gone."""
    link.send(json.dumps({what: words}).encode())


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in environment.items() if n.startswith(OF_PYTHON)}
