"""Predictions a second, beside what one would use instead, all in one run: `make bench`.

The same XGBoost model (100 trees, depth 6, 8 features) on this machine, one row a request, asked by
wrk (or, where that is missing, by :mod:`benchmarks.load`). All take turns, several rounds; machines
swing, so only ratios of one run are compared, with those of the last table that was committed.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import xgboost as xgb

from benchmarks.contestants import FEATURES, PEER_COMMANDS, Contestant, engine, peer
from benchmarks.load import measure

RESULTS = Path(__file__).resolve().parent / "results"
CONNECTIONS = (1, 16, 64)
SECONDS, ROUNDS = 3, 3
CEILING = "ceiling, 1 process"
# A ratio to the ceiling that has fallen below this part of the last one is told.
WORSE = 0.75


def main() -> int:
    """Measure, write the table, and compare it with the last one."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.serving")
    options.add_argument("--seconds", type=int, default=SECONDS)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--only", default="", help="names that contain this")
    options.add_argument("--write", action="store_true", help="keep the table as the last one")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay_out(root)
        found = measured(root, chosen)
    text = table(found)
    print(text)
    worse = fallen(found)
    for sentence in worse:
        print(sentence)
    if chosen.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "serving.md").write_text(text)
        (RESULTS / "serving.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 1 if worse else 0


def lay_out(root: Path) -> None:
    """Train the model, and write it as XGBoost does and as ONNX."""
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    rng = np.random.default_rng(0)
    rows = rng.random((5000, len(FEATURES)))
    matrix = xgb.DMatrix(rows, rows @ rng.random(len(FEATURES)), feature_names=FEATURES)
    booster = xgb.train({"max_depth": 6}, matrix, 100)
    (root / "models").mkdir()
    booster.save_model(root / "models" / "model.ubj")
    booster.feature_names = None
    model = convert_xgboost(booster, initial_types=[("x", FloatTensorType([None, 8]))])
    (root / "models" / "model.onnx").write_bytes(model.SerializeToString())


def measured(root: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Return by contestant and number of connections what was measured, each round's."""
    found: dict[str, Any] = {}
    with contestants(root, chosen.only) as all_:
        for connections in CONNECTIONS:
            for _ in range(chosen.rounds):
                for one in all_:
                    before = one.cpu_s()
                    result = ask(one, connections, chosen.seconds)
                    used = one.cpu_s() - before
                    result["cpu_us"] = 1e6 * used / max(1, result["rate"] * chosen.seconds)
                    found.setdefault(one.name, {}).setdefault(str(connections), []).append(result)
        for one in all_:
            found[one.name]["memory_mb"] = one.memory_mb()
    return found


@contextlib.contextmanager
def contestants(root: Path, only: str) -> Iterator[list[Contestant]]:
    """Run all that are set up, at the same time: idle ones cost nothing."""
    with contextlib.ExitStack() as running:
        found = running.enter_context(engine(root))
        for name in PEER_COMMANDS:
            if only and only not in name and name != CEILING:
                continue
            try:
                found.append(running.enter_context(peer(name, root)))
            except (FileNotFoundError, TimeoutError) as error:
                print(error, file=sys.stderr)
        yield found


def ask(
    one: Contestant, connections: int, seconds: int, paths: Sequence[str] = ()
) -> dict[str, float]:
    """Ask a contestant from so many connections for so long; by wrk any of ``paths`` at random."""
    if shutil.which("wrk") is None:
        return by_python(one, connections, seconds)
    headers = {**one.headers, "Content-Type": "application/json"}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"wrk.method = 'POST'\nwrk.body = '{one.body.decode()}'\n")
        script.writelines(f"wrk.headers['{k}'] = '{v}'\n" for k, v in headers.items())
        if paths:
            listed = ", ".join(f"'{path}'" for path in paths)
            script.write(f"paths = {{{listed}}}\n")
            script.write(
                "function request() return wrk.format(nil, paths[math.random(#paths)]) end\n"
            )
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s"]
        done = subprocess.run(
            [*command, script.name, one.url], capture_output=True, text=True, check=True
        )
    told = done.stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return {
        "rate": float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0]),
        "p50_ms": milliseconds(re.findall(r"(?m)^ +50% +(\S+)", told)[0]),
        "p99_ms": milliseconds(re.findall(r"(?m)^ +99% +(\S+)", told)[0]),
        "failed": float(failed[1]) if failed else 0.0,
    }


def by_python(one: Contestant, connections: int, seconds: int) -> dict[str, float]:
    """Ask as :func:`ask`, with a client in Python, which takes a processor for itself."""
    host, _, path = one.url.removeprefix("http://").partition("/")
    lines = [f"POST /{path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
    lines += [f"{key}: {value}" for key, value in one.headers.items()]
    lines += [f"Content-Length: {len(one.body)}", "", ""]
    request = "\r\n".join(lines).encode() + one.body
    result = measure(int(host.rpartition(":")[2]), request, connections, seconds)
    return {
        **{"rate": result.rate, "p50_ms": result.p50},
        **{"p99_ms": result.p99, "failed": float(result.failed)},
    }


def milliseconds(text: str) -> float:
    """Return a duration as wrk writes it (1.20ms, 340.00us, 1.1s)."""
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[unit]


def table(found: dict[str, Any]) -> str:
    """Return what was measured as Markdown: medians of the rounds, and the spread of rates."""
    lines = [
        f"# Serving, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{os.cpu_count()} processors, Python {platform.python_version()}, xgboost "
        f"{version('xgboost-cpu')}, onnxruntime {version('onnxruntime')}, uvicorn "
        f"{version('uvicorn')}; the load generator on the same processors. `x` is the rate beside "
        f"the {CEILING}; ± the spread of the rounds' rates.",
        "",
    ]
    base = found.get(CEILING)
    for connections in map(str, CONNECTIONS):
        lines += [
            f"## {connections} connection{'s' if connections != '1' else ''}",
            "",
            "| | a second | ± | x | p50 ms | p99 ms | CPU µs a request | failed | memory MB |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for name, results in found.items():
            rounds = results[connections]
            rates = [one["rate"] for one in rounds]
            rate = median(rates)
            spread = (max(rates) - min(rates)) / rate if rate else 0.0
            times = rate / median(o["rate"] for o in base[connections]) if base else 0.0
            p50, p99, cpu = (median(o[k] for o in rounds) for k in ("p50_ms", "p99_ms", "cpu_us"))
            failed = sum(one["failed"] for one in rounds)
            memory = "" if name.startswith("ours") else f"{results['memory_mb']:.0f}"
            lines.append(
                f"| {name} | {rate:,.0f} | {spread:.0%} | {times:.2f} | {p50:.2f} | {p99:.2f} | "
                f"{cpu:.0f} | {failed:.0f} | {memory} |"
            )
        lines.append("")
    ours = next((r["memory_mb"] for n, r in found.items() if n.startswith("ours")), 0.0)
    lines.append(f"Our engine has {ours:.0f} MB for all its models together.\n")
    return "\n".join(lines)


def fallen(found: dict[str, Any]) -> list[str]:
    """Say which of our ratios to the ceiling have fallen since the last table."""
    try:
        last = json.loads((RESULTS / "serving.json").read_text())
    except FileNotFoundError:
        return []
    told = []
    for name in found:
        for connections in map(str, CONNECTIONS):
            if name.startswith("ours") and name in last and CEILING in found and CEILING in last:
                now, before = (ratio(one, name, connections) for one in (found, last))
                if now < WORSE * before:
                    told.append(f"{name}, {connections}: {now:.2f} x, was {before:.2f} x")
    return told


def ratio(found: dict[str, Any], name: str, connections: str) -> float:
    """Return a contestant's rate beside the ceiling's."""
    rate, base = (median(o["rate"] for o in found[n][connections]) for n in (name, CEILING))
    return float(rate / base)


if __name__ == "__main__":
    sys.exit(main())
