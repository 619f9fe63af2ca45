"""One module per command, which is a magic in a notebook and `kd …` in a terminal.

Each has ``HELP``, ``parser()``, and ``run(session, options)``, which prints and may return a value;
``data(session, options)`` is what `--json` prints.
"""
