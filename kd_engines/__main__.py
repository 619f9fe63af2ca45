"""`python -m kd_engines` is the command `kd`."""

from kd_engines.cli import main

main()
