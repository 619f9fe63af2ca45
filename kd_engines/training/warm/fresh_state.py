"""What differs between two Python processes, and would be the same in two forks of one."""

import logging
import os
import threading
import time
from collections.abc import Callable
from types import ModuleType


def renew(module: Callable[[str], ModuleType | None]) -> None:
    """Give this process random states and times of its own; ``module`` returns a loaded module.

    Python's own `random` does so by itself.
    """
    numpy_random = module("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    process = module("multiprocessing.process")
    if process is not None:
        config = process.current_process()._config
        config["authkey"] = process.AuthenticationString(os.urandom(32))
    own_thread = threading.main_thread()
    if hasattr(own_thread, "_set_native_id"):  # Python's own fork forgets it
        own_thread._set_native_id()
    # In nanoseconds from Python 3.13 on.
    is_whole = isinstance(vars(logging)["_startTime"], int)
    vars(logging)["_startTime"] = time.time_ns() if is_whole else time.time()
