"""What a worker imports before its script: little, as every model has a process of its own."""

import subprocess
import sys

ALLOWED = {"kd_engines", "kd_pipeline", "msgspec", "typing_extensions"}  # the last by msgspec
WORKER = "kd_engines.deployment.worker"


def loaded(*modules: str) -> set[str]:
    code = f"import {', '.join(modules)}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_worker_imports_little() -> None:
    names = loaded(*(f"{WORKER}.{n}" for n in ("__main__", "function_script", "script_2020")))
    bare = loaded("ast, ctypes, selectors, importlib.util")
    others = {name.partition(".")[0] for name in names - bare} - sys.stdlib_module_names
    assert others == ALLOWED
    assert names.isdisjoint({"asyncio", "http", "ssl", "email", "logging", "urllib.request"})
    ours = {name for name in names if name.startswith(("kd_engines.", "kd_pipeline."))}
    assert {n for n in ours if not n.startswith(WORKER)} == {
        "kd_engines.deployment",
        "kd_engines.deployment.collector",
        "kd_engines.deployment.results",
        "kd_engines.deployment.rows",
        "kd_engines.deployment.wire",
        "kd_engines.exit_codes",
        "kd_engines.members",
        "kd_engines.members.processes",
        "kd_pipeline.mount_points",
        "kd_pipeline.plain_text",
    }


def test_an_engine_imports_nothing_of_its_workers() -> None:
    names = loaded("kd_engines.deployment.app")
    assert {name for name in names if name.startswith(f"{WORKER}.")} == set()
