"""The command `kd`: up, down, status, doctor, export, import, and what others mount on it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from kd_engines.doctor import examine
from kd_engines.lab import repository_shown
from kd_engines.local.applying import apply
from kd_engines.local.commands import login_url
from kd_engines.local.exchange import exported, import_into, notes_on_order, read_stream
from kd_engines.local.home import Home
from kd_engines.local.job_runners import running_jobs, sentence_of_cancelled
from kd_engines.local.status import Status, read_status
from kd_engines.local.supervisor import Supervisor, stop_everything
from kd_engines.local.world import module_of, read_world
from kd_engines.members.stop_signals import on_signals
from kd_engines.mounted import mount
from kd_pipeline import manifest_text
from kd_pipeline.atomic import write_atomic
from kd_pipeline.errors import InvalidInput, KdError, Unavailable
from kd_pipeline.registry.surroundings import open_kubernetes
from kd_pipeline.version import version

# By extra, a package that it brings.
ENGINES, LAB = {"engines": "uvicorn"}, {"lab": "jupyterlab"}
READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 90.0

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="State folder (KD_HOME, or ~/.kd-magics).")
]
ManifestsOption = Annotated[
    Path | None, typer.Option("--manifests", help="Folder of manifests (<home>/manifests).")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kd-magics {version() or 'of no release'}")
        raise typer.Exit


@app.callback()
def common(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """The pipeline's engines on one machine, in KubeDirector's place."""


@app.command()
def up(
    home: HomeOption = None,
    manifests: ManifestsOption = None,
    lab: Annotated[bool, typer.Option("--lab", help="Start JupyterLab for each notebook.")] = False,
    lab_root: Annotated[
        Path, typer.Option(help="What JupyterLab shows, and in it project_repo, a link.")
    ] = Path(),
    detach: Annotated[bool, typer.Option("--detach", help="Return when all is ready.")] = False,
) -> None:
    """Start the kdclusters of the manifests, and keep them running until Ctrl-C."""
    _check_installed({**ENGINES, **(LAB if lab else {})})
    place = Home.at(home, manifests).create()
    if detach:
        _detach(place, lab, lab_root)
        return
    lock = place.lock()
    supervisor = Supervisor(place, lab_root.resolve() if lab else None)
    on_signals(supervisor.stopping.set, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    root = place.repository.root
    shown = repository_shown(lab_root.resolve(), root) if lab else contextlib.nullcontext()
    with lock, shown:
        _announce_when_ready(place)
        supervisor.run()


def _check_installed(extras: dict[str, str]) -> None:
    """Raise InvalidInput where this installation lacks an extra."""
    missing = [extra for extra, package in extras.items() if find_spec(package) is None]
    if missing:
        raise InvalidInput(
            "This installation lacks what is to run here: "
            f"`pip install 'kd-magics[{','.join(missing)}]'`."
        )


@app.command()
def down(home: HomeOption = None) -> None:
    """Stop everything of a home: its supervisor, its engines and their running jobs."""
    place = Home.at(home)
    pid = place.supervisor_pid()
    if pid:
        jobs = running_jobs(place)
        os.kill(pid, signal.SIGTERM)
        _wait_for_end(place)
        if jobs:
            _tell(sentence_of_cancelled(jobs))
    stop_everything(place, _tell)
    _tell("Everything is stopped." if pid else "Nothing is running.")


@app.command()
def status(
    home: HomeOption = None,
    manifests: ManifestsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what runs, where, and why not; exit code 1 where not all is ready."""
    found = read_status(Home.at(home, manifests))
    typer.echo(found.as_json() if as_json else found.as_text())
    raise typer.Exit(0 if found.ready else 1)


@app.command()
def doctor() -> None:
    """Look at connections, engines, registry and permissions; exit code 1 where one is wrong."""
    findings = []
    for finding in examine():
        findings.append(finding)
        _tell(str(finding))
    raise typer.Exit(1 if any(finding.fix for finding in findings) else 0)


@app.command("export")
def export_manifests(
    home: HomeOption = None,
    namespace: Annotated[str | None, typer.Option(help="Written into every manifest.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File (stdout).")] = None,
    from_cluster: Annotated[
        bool, typer.Option("--from-cluster", help="The surroundings' namespace, not the home.")
    ] = False,
    to_cluster: Annotated[
        bool, typer.Option("--apply", help="To the surroundings' namespace, waiting for engines.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite what differs.")] = False,
) -> None:
    """Write the pipeline's manifests as `kubectl apply -f` takes them, without any secret."""
    place = Home.at(home)
    if to_cluster and (from_cluster or output):
        raise InvalidInput("--apply is from the home to a cluster; take --from-cluster and -o out.")
    registry = open_kubernetes() if from_cluster else place.registry()
    written = None if to_cluster else namespace
    manifests, notes = exported(registry, place.repository.root, written)
    for note in notes if to_cluster else (*notes, *notes_on_order(manifests)):
        typer.echo(note, err=True)
    if to_cluster:
        apply(open_kubernetes(namespace), manifests, replace, _tell)
        return
    text = manifest_text.write_all(manifests)
    if output:
        write_atomic(output, text)
    else:
        typer.echo(text, nl=False)


@app.command("import")
def import_manifests(
    file: Annotated[Path, typer.Argument(help="YAML, as `kubectl get … -o yaml` writes it.")],
    home: HomeOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite what differs.")] = False,
) -> None:
    """Take kdapps, kdclusters and ConfigMaps into the home, where `kd up` runs them."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    registry = Home.at(home).registry()  # what ships is not laid out beside it
    written, there = import_into(registry, read_stream(content), replace)
    _tell(f"{written} written to {registry.path}, {there} there already.")


def main() -> None:
    """Run the command; an expected error is one sentence and exit code 1."""
    mount(app)
    try:
        app()
    except KdError as error:
        typer.echo(f"kd: {error}", err=True)
        sys.exit(1)


def _detach(place: Home, lab: bool, lab_root: Path) -> None:
    """Start the supervisor in a session of its own, and wait until its members are ready."""
    place.lock().release()
    log = place.run / "supervisor.log"
    where = ["--home", str(place.path), "--manifests", str(place.manifests)]
    options = ["--lab", "--lab-root", str(lab_root.resolve())] if lab else []
    with log.open("ab") as output:
        log.chmod(0o600)
        process = subprocess.Popen(
            [sys.executable, "-m", "kd_engines", "up", *where, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    found = _wait_until_ready(place, process)
    typer.echo(found.as_text())
    _tell_lab(place)
    if not found.ready:
        raise Unavailable(f"Not all is ready within {READY_WITHIN_S:g} s; see {log}.")


def _wait_until_ready(place: Home, process: "subprocess.Popen[bytes]") -> Status:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        found = read_status(place)
        if found.ready or time.monotonic() > deadline or process.poll() is not None:
            return found
        time.sleep(0.1)


def _announce_when_ready(place: Home) -> None:
    """Print the status, and how to open each JupyterLab, once all is ready; does not wait."""
    import threading

    def announce() -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not (found := read_status(place)).ready and time.monotonic() < deadline:
            time.sleep(0.3)
        begin = "Ready" if found.ready else "Not all is ready yet"
        typer.echo(found.as_text())
        _tell_lab(place)
        typer.echo(f"{begin}. Ctrl-C stops everything.")
        sys.stdout.flush()

    threading.Thread(target=announce, daemon=True).start()


def _tell_lab(place: Home) -> None:
    """Print the URL of each JupyterLab; with its token to a terminal alone."""
    world = read_world(place, place.registry())
    for member in world.members():
        running = world.running[member.cluster]
        if module_of(running.app) == "lab" and member.alive():
            url, _, token = login_url(member, running).partition("?")
            if sys.stdout.isatty() and token:
                url = f"{url}?{token}"
            elif token:
                url = f"{url} (its token is in {member.record_path})"
            typer.echo(f"JupyterLab of {member.cluster}: {url}")


def _wait_for_end(place: Home) -> None:
    deadline = time.monotonic() + STOPPED_WITHIN_S
    while (pid := place.supervisor_pid()) and time.monotonic() < deadline:
        time.sleep(0.05)
    if pid:
        os.kill(pid, signal.SIGKILL)


def _tell(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()
