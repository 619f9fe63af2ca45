"""Command line and environment of a member's process."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from kd_engines.balancer.settings import BEHIND_BALANCER
from kd_engines.commands_path import path_with_commands
from kd_engines.lab import lab_config
from kd_engines.local.configmeta import Running
from kd_engines.local.home import Home
from kd_engines.local.member import HOST, Member
from kd_engines.local.world import module_of
from kd_pipeline.atomic import write_json
from kd_pipeline.connections import BALANCER_ROLE

JUPYTER = "jupyter"  # the folder of a notebook member that its JupyterLab looks into first


def command(member: Member, running: Running, lab_root: Path | None) -> list[str] | None:
    """Return how the member is started; None where nothing runs for it (a notebook, no lab)."""
    module = module_of(running.app)
    if module in ("training", "deployment"):
        name = "balancer" if member.role == BALANCER_ROLE else module
        program = [sys.executable, "-m", f"kd_engines.{name}"]
        return [*program, "--host", HOST, "--port", str(member.port)]
    if module == "lab" and lab_root is not None:
        config = member.folder / "jupyter_config.json"
        write_json(config, _lab_config(member, running, lab_root))
        _write_kernel(member.folder / JUPYTER / "kernels" / "python3")
        return [sys.executable, "-m", "jupyterlab", f"--config={config}"]
    return None


def environment(member: Member, running: Running, home: Home) -> dict[str, str]:
    """Return a member's environment: ours, the role's, and where its files are."""
    role = next(role for role in running.cluster.roles if role.id == member.role)
    jupyter = str(member.folder / JUPYTER)
    return {
        **os.environ,
        **(BEHIND_BALANCER if running.members.get(BALANCER_ROLE) else {}),
        "PATH": path_with_commands(),
        **role.env,
        "KD_HOME": str(home.path),
        "KD_CONFIGMETA": str(member.configmeta),
        "KD_PROJECT_REPO": str(home.repository.root),
        "KD_REGISTRY": str(home.manifests),
        "PYTHONUNBUFFERED": "1",
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not the user's
        "JUPYTER_PATH": os.pathsep.join(filter(None, [jupyter, os.environ.get("JUPYTER_PATH")])),
    }


def _write_kernel(folder: Path) -> None:
    """Have JupyterLab's kernels load the magics, as the notebook app of 2020 did."""
    from ipykernel.kernelspec import make_ipkernel_cmd, write_kernel_spec

    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_kernel_spec(folder, {"argv": make_ipkernel_cmd("kd_magics.kernel")})
    for path in (folder.parent.parent, folder.parent, folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _lab_config(member: Member, running: Running, root: Path) -> dict[str, Any]:
    """A role's environment variable ``JUPYTER_PASSWORD`` becomes JupyterLab's password."""
    role = next(role for role in running.cluster.roles if role.id == member.role)
    password = role.env.get("JUPYTER_PASSWORD", "")
    return lab_config(HOST, member.port, root, member.token, password)


def login_url(member: Member, running: Running) -> str:
    """Return the URL that opens a member's JupyterLab, with its token where it has one."""
    role = next(role for role in running.cluster.roles if role.id == member.role)
    query = "" if role.env.get("JUPYTER_PASSWORD") else f"?token={member.token}"
    return f"{member.url}/lab{query}"


def configmeta_text(content: dict[str, Any]) -> str:
    """Return a configmeta as the text of its file."""
    return json.dumps(content, indent=1) + "\n"
