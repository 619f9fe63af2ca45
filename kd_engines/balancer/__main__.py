"""``python -m kd_engines.balancer --host 0.0.0.0 --port 32700``: balance a kdcluster's engines.

``KD_CONFIGMETA`` names the configmeta.json whose own RESTServers are balanced. ``--stats-port``
is where HAProxy's statistics are shown (0: nowhere), to the user ``kd`` with the balancer's token.
Predictions of a model that answers within 20 ms go to one engine as long as at most ``--together``
(64) are in flight, to two of them up to twice as many, and so on; all else goes to who
has fewest of the other requests.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from kd_engines.balancer.balancer import Balancer
from kd_engines.balancer.settings import TOGETHER, Settings
from kd_engines.members.stop_signals import on_signals
from kd_engines.web.serve import log_to_stderr
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.errors import KdError


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m kd_engines.balancer")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=32700)
    parser.add_argument("--stats-port", type=int, default=0)
    parser.add_argument("--together", type=int, default=TOGETHER)
    arguments = parser.parse_args()
    if arguments.together < 1:
        parser.error("--together must be a whole number above 0")
    log_to_stderr()
    with tempfile.TemporaryDirectory(prefix="kd-balancer-") as folder:
        ports = arguments.port, arguments.stats_port
        settings = Settings(arguments.host, *ports, Path(folder), arguments.together)
        try:
            balancer = Balancer(settings, ConnectionsFile())
            on_signals(balancer.stopping.set, signal.SIGTERM, signal.SIGINT)
            balancer.run()
        except (KdError, OSError) as error:
            print(f"kd_engines.balancer cannot run: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
