"""JupyterLab's configuration for a notebook member, on one machine and in a pod."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY_LINK = "project_repo"


@contextlib.contextmanager
def repository_shown(root: Path, repository: Path) -> Iterator[None]:
    """Show the project repository in the file browser: as a link in its root, while this lasts.

    Where something has that name it is left alone.
    """
    link, is_ours = root / REPOSITORY_LINK, False
    if not (_is_seen(root, repository) or root.is_relative_to(repository)):
        with contextlib.suppress(OSError):
            link.symlink_to(repository, target_is_directory=True)
            is_ours = True
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if is_ours and link.is_symlink():
                link.unlink()


def _is_seen(root: Path, repository: Path) -> bool:
    """Tell whether the file browser, which hides dot folders, shows the repository anyhow."""
    if not repository.is_relative_to(root):
        return False
    return not any(part.startswith(".") for part in repository.relative_to(root).parts)


def lab_config(host: str, port: int, root: Path, token: str, password: str) -> dict[str, Any]:
    """Return the configuration, which holds its secrets: the file is its owner's alone.

    Where there is a ``password`` it is asked for, else ``token`` is.
    """
    server: dict[str, Any] = {
        "ip": host,
        "port": port,
        "port_retries": 0,
        "open_browser": False,
        "root_dir": str(root),
        "allow_root": hasattr(os, "geteuid") and os.geteuid() == 0,
    }
    # Kernels listen on loopback ports, which others on this machine could reach: encrypted.
    shared = {"ServerApp": server, "MappingKernelManager": {"transport_encryption": "auto"}}
    if password:
        from jupyter_server.auth.security import passwd

        hashed = {"hashed_password": str(passwd(password)), "password_required": True}
        return {**shared, "PasswordIdentityProvider": hashed}
    return {**shared, "IdentityProvider": {"token": token}}
