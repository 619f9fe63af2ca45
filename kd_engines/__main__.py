"""``python -m kd_engines`` and the command `kd`."""

import sys


def main() -> None:
    """Run the command; without the extra ``engines`` that is one sentence and exit code 1."""
    try:
        from kd_engines.cli import main as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("kd_"):
            raise
        print(
            f"kd: {error.name} is not installed here; the engines need "
            "`pip install 'kd-magics[engines]'`.",
            file=sys.stderr,
        )
        sys.exit(1)
    run()


if __name__ == "__main__":
    main()
