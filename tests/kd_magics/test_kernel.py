"""A kernel of `kd up --lab` has the magics without `%load_ext`, and with it."""

import sys
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.kd_magics.running_kernel import printed

pytestmark = pytest.mark.slow


def test_the_magics_are_there_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "ipykernel.py").write_text("raise RuntimeError('the folder of the notebook')")
    manager = KernelManager()
    spec = manager.kernel_spec
    assert spec is not None
    spec.argv = [sys.executable, "-m", "kd_magics.kernel", "-f", "{connection_file}"]
    manager.start_kernel(cwd=str(tmp_path), env={"KD_CONFIGMETA": str(tmp_path / "none.json")})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        shown: list[dict[str, object]] = []

        def run(cell: str) -> str:
            shown.clear()
            reply = client.execute_interactive(cell, timeout=60, output_hook=shown.append)
            assert reply["content"]["status"] == "ok", shown
            return printed(shown)

        assert "none.json" in run("%attachments")
        assert run("%load_ext kd_magics") == ""
        assert "none.json" in run("%attachments")
        assert run("import os; print(os.getcwd())") == f"{tmp_path}\n"
        assert run("%unload_ext kd_magics\nprint('kd_magics' in globals())") == "False\n"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
