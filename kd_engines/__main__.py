"""``python -m kd_engines`` and the command `kd`."""

from kd_engines.cli import main

if __name__ == "__main__":
    main()
