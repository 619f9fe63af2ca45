"""kubeconfigs that tests write, and change in one place each."""

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

Settings = dict[str, Any]


def put(path: Path, settings: Settings) -> Path:
    """Write a kubeconfig."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(settings))
    return path


def use(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Have ``KUBECONFIG`` name files."""
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))


def user_of(settings: Settings, **user: Any) -> Settings:
    """Return a kubeconfig with another user."""
    settings["users"][0]["user"] = user
    return settings


def cluster_of(settings: Settings, **cluster: Any) -> Settings:
    """Return a kubeconfig with a changed cluster."""
    settings["clusters"][0]["cluster"] |= cluster
    return settings


def plugin(folder: Path, lines: str, **more: Any) -> Settings:
    """Write a plugin, whose path is relative to the kubeconfig; return what names it."""
    path = folder / "plugins" / "login"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport json, os, pathlib, sys, time\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": "plugins/login", **more}}
