"""``python -m tests.chaos [--minutes 10] [--seed 1]``: attack a `kd up` world, and report."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import run


def main() -> int:
    """Run; the exit status says whether anybody noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"{options.minutes:g} minutes of chaos, --seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = run(Path(folder) / "home", 60 * options.minutes, options.seed)
    print(report)
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
