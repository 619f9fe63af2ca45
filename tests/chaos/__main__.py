"""``python -m tests.chaos [--minutes 10] [--seed 1]``: attack `kd up` worlds, and report.

Half of the time goes to models under load, half to a stream of jobs.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos import faults, jobs


def main() -> int:
    """Run; the exit status says whether anybody noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"{options.minutes:g} minutes of chaos, --seed {options.seed}", flush=True)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, part in (("models", faults.run), ("jobs", jobs.run)):
            report = part(Path(folder) / name, 30 * options.minutes, options.seed)
            print(f"{name}: {report}", flush=True)
            good = good and report.is_good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
