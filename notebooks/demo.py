"""The whole pipeline on this machine, watched: `make demo`.

Starts the engines (`kd up`), runs the notebook `nyc_taxi.ipynb` cell by cell, shows what each cell
prints, and stops the engines again. ``KD_HOME`` names the folder of their state; by default it is
``.demo/`` in the checkout, begun afresh each time.
"""

import argparse
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE / "nyc_taxi.ipynb"
DEMO_HOME = HERE.parent / ".demo"
KD = Path(sys.executable).with_name("kd")
START_TIMEOUT_S = 60
CELL_TIMEOUT_S = 120
MOST_LINES = 14  # of one cell's output; the saved notebook has them all
WIDTH = 100


class DemoError(Exception):
    """Which step failed and why, in one sentence."""


@contextmanager
def engines(home: Path, keep: bool = False) -> Iterator[None]:
    """Run the engines with their state in ``home``, and stop them at the end unless ``keep``.

    Engines that run there already are used, and left running. Sets the environment variables by
    which kernels find them. Raises DemoError.
    """
    os.environ["KD_HOME"] = str(home)
    os.environ["KD_PROJECT_REPO"] = str(home / "project_repo")
    for name in ("KD_CONFIGMETA", "KD_REGISTRY"):
        os.environ.pop(name, None)
    ran_before = kd("status").returncode == 0
    try:
        if not ran_before:
            started = kd("up", "--detach")
            if started.returncode:
                raise DemoError(f"`kd up` failed: {started.stderr.strip() or started.stdout}")
        yield
    finally:
        if not (ran_before or keep):
            kd("down")


def kd(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command ``kd`` of this Python's environment; raises DemoError where it hangs."""
    try:
        return subprocess.run(
            [str(KD), *arguments],
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise DemoError("The command `kd` is not installed; run `make demo`.") from None
    except subprocess.TimeoutExpired:
        raise DemoError(
            f"`kd {' '.join(arguments)}` did not end within {START_TIMEOUT_S} seconds; its log is "
            f"in {os.environ['KD_HOME']}/run."
        ) from None


def run(notebook: Any, saved: Path) -> None:
    """Run the notebook, show each cell as it ends, and save it; raises DemoError."""
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # this environment's kernel, not the user's
    # Nobody else on this machine can listen to a kernel whose channel is encrypted.
    config = Config({"KernelManager": {"transport_encryption": "auto"}})
    client = NotebookClient(
        notebook,
        config=config,
        timeout=CELL_TIMEOUT_S,
        resources={"metadata": {"path": str(HERE)}},
        on_cell_start=show_source,
        on_cell_executed=show_outputs,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise DemoError(f"A cell failed. {error.ename}: {error.evalue}") from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise DemoError(f"The notebook stopped: {str(error).strip().splitlines()[0]}") from None
    finally:
        nbformat.write(notebook, saved)


def show_source(cell: Any, cell_index: int) -> None:
    """Show a heading, or the beginning of a cell that is about to run."""
    lines = cell.source.splitlines()
    if cell.cell_type == "markdown":
        titles = [line.lstrip("# ") for line in lines if line.startswith("#")]
        for title in titles:
            print(f"\n{title}\n{'─' * len(title)}", flush=True)
    elif lines:
        more = f"  … {len(lines) - 1} more lines" if len(lines) > 1 else ""
        print(f"> {lines[0][: WIDTH - 20]}{more}", flush=True)


def show_outputs(cell: Any, cell_index: int, execute_reply: Any) -> None:
    """Show what a cell printed, shortened."""
    lines = text_of(cell).splitlines()
    for line in lines[:MOST_LINES]:
        print("   " + line[:WIDTH])
    if len(lines) > MOST_LINES:
        print(f"   … {len(lines) - MOST_LINES} more lines")
    sys.stdout.flush()


def text_of(cell: Any) -> str:
    """Return a cell's outputs as text; a chart becomes a word."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            parts.append(output.text)
        elif "image/png" in output.get("data", {}):
            parts.append("[chart: see the saved notebook]\n")
        elif "text/plain" in output.get("data", {}):
            parts.append(output.data["text/plain"].rstrip("\n") + "\n")
    return "".join(parts)


def summary(notebook: Any, saved: Path, seconds: float, keep: bool) -> str:
    """Return the demo's end: the ride, the swap, and where to look next."""
    texts = {cell.id: text_of(cell).strip() for cell in notebook.cells}
    engines_now = "The engines still run; `kd down` stops them." if keep else "The engines stopped."
    return textwrap.dedent(
        f"""
        {texts["query-2"]}
        During the swap: {texts["swapped"].splitlines()[-1]}.

        All of it took {seconds:.0f} seconds. {engines_now} Where to look next:
          {saved}
                        this run's notebook, with its charts
          make lab      the engines again, with JupyterLab, left running
          README.md     the magics, scoring scripts, Kubernetes
        """
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return 0, or 1 after one sentence about the step that failed."""
    parser = argparse.ArgumentParser(description="Train, deploy, ask and swap on this machine.")
    parser.add_argument("--keep", action="store_true", help="leave the engines running")
    keep = parser.parse_args(arguments).keep
    began = time.monotonic()
    named = os.environ.get("KD_HOME")
    home = Path(named or DEMO_HOME).expanduser().resolve()
    try:
        if not named and home.exists():
            os.environ["KD_HOME"] = str(home)
            kd("down")
            shutil.rmtree(home)
        home.mkdir(parents=True, exist_ok=True)
        saved = home / NOTEBOOK.name
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        print(f"Starting a training engine and a deployment engine (state: {home})", flush=True)
        with engines(home, keep):
            run(notebook, saved)
        print(summary(notebook, saved, time.monotonic() - began, keep))
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
