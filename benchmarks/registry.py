"""A namespace with 2,000 models and 100 ConfigMaps of 1 MB of somebody else's: `make bench`.

How long `%models` takes there and how much memory it needs, beside what `kubectl get configmaps`
of the same models takes in the same run. Targets: `%models` within 300 ms, and memory that does
not grow with what is not a model.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.configmeta import configmeta
from tests.real_api_server import ApiServer
from tests.shipped import new_tenant

MODELS, FOREIGN, FOREIGN_BYTES = 2_000, 100, 1_000_000
VERSIONS = 50  # of each model
ROUNDS = 7
KERNEL = """
import io, resource, sys, time
from contextlib import redirect_stdout
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("%load_ext kd_magics").raise_error()
times = []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    with redirect_stdout(io.StringIO()) as said:
        shell.run_cell("%models").raise_error()
    times.append((time.perf_counter() - began) * 1000)
    assert said.getvalue().count("taxi") >= int(sys.argv[2]), said.getvalue()[-500:]
print(*times, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
"""


def main() -> None:
    """Print the figures; medians of several rounds, and the highest memory of a kernel."""
    with tempfile.TemporaryDirectory() as folder:
        server = ApiServer(Path(folder))
        try:
            server.install_kubedirector()
            registry = ApiServerRegistry(server.client(), new_tenant(server))
            print(f"A namespace with {MODELS:,} models")
            register(registry)
            measure(server, registry)
            print(f"… and {FOREIGN} other ConfigMaps of {FOREIGN_BYTES / 1e6:g} MB")
            write_foreign(server, registry)
            measure(server, registry)
        finally:
            server.kill()


def register(registry: ApiServerRegistry) -> None:
    """Write the models."""

    def write(number: int) -> None:
        name, version = f"taxi-{number // VERSIONS}", str(number % VERSIONS + 1)
        extra = {"metrics": '{"rmse": 5.2, "mae": 3.1}', "model-sha256": "a" * 64}
        path = f"models/{name}/{version}"
        model = ModelConfig(name, version, path, "code/score.py", "of the bench", extra)
        registry.objects.create("ConfigMap", model.to_manifest())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(MODELS)))


def write_foreign(server: ApiServer, registry: ApiServerRegistry) -> None:
    """Write what is none of ours, and large."""
    for number in range(FOREIGN):
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"big-{number}"}}
        blob = {"data": {"blob": "x" * FOREIGN_BYTES}}
        server.apply({**manifest, **blob}, namespace=registry.namespace)


def measure(server: ApiServer, registry: ApiServerRegistry) -> None:
    """Time `%models` in a fresh kernel, and kubectl's list of the same ConfigMaps."""
    folder = server.folder / "notebook"
    folder.mkdir(exist_ok=True)
    (folder / "configmeta.json").write_text(json.dumps(configmeta("notebook")))
    config = server.kubeconfig(folder / "config", namespace=registry.namespace)
    environment = {
        **{"KUBECONFIG": str(config), "KD_REGISTRY": "kubernetes", "KD_HOME": str(folder)},
        "KD_CONFIGMETA": str(folder / "configmeta.json"),
    }
    command = [sys.executable, "-c", KERNEL, str(ROUNDS), str(MODELS)]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr + done.stdout)
    *times, memory = map(float, done.stdout.splitlines()[-1].split())
    peers = []
    line = ("-n", registry.namespace, "get", "configmaps", "-o", "json", "-l")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        server.kubectl(*line, "kubedirector.hpe.com/cmType=model")
        peers.append((time.perf_counter() - began) * 1000)
    ours, peer = statistics.median(times), statistics.median(peers)
    print(
        f"  %models {ours:.0f} ms ({ours / peer:.2f} x kubectl's {peer:.0f}), first one "
        f"{times[0]:.0f} ms; memory of its kernel {memory:.0f} MB at most"
    )


if __name__ == "__main__":
    main()
