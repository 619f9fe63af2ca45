"""JupyterLab's configuration for a notebook member, on one machine and in a pod."""

import os
from pathlib import Path
from typing import Any


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
