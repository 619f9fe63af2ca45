"""kubeconfigs as people have them: several files, contexts, plugins, proxies."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kd_pipeline.errors import InvalidInput
from kd_pipeline.registry import FolderRegistry, open_registry
from kd_pipeline.registry.surroundings import open_kubernetes, surroundings_stamp
from tests.connecting_proxy import connecting_proxy
from tests.kd_pipeline.kubeconfigs import Settings, cluster_of, plugin, put, use, user_of
from tests.kd_pipeline.test_registry import TAXI
from tests.real_api_server import ADMIN_TOKEN, ApiServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_surroundings")]


def test_several_files_each_with_its_relative_paths(
    api_server: ApiServer,
    kubeconfig: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = tmp_path / "people" / "secrets" / "token"
    token.parent.mkdir(parents=True)
    token.write_text(ADMIN_TOKEN)
    kubeconfig["users"][0]["user"] = {"tokenFile": "secrets/token"}
    people = put(tmp_path / "people" / "config", {"users": kubeconfig["users"]})
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "ca.crt").write_bytes(api_server.ca.read_bytes())
    cluster_of(kubeconfig, **{"certificate-authority": "ca.crt"})
    first = {k: kubeconfig[k] for k in ("clusters", "contexts", "current-context")}
    other = {**first, "current-context": "another", "contexts": [], "clusters": []}
    clusters = put(tmp_path / "clusters" / "config", first)
    use(monkeypatch, tmp_path / "gone", clusters, people, put(tmp_path / "last", other))
    registry = open_registry()
    assert registry.backend == "kubernetes"
    registry.register(TAXI)
    assert len(registry.models()) == 1
    registry.delete_model("taxi", "1")


def test_a_context_is_chosen(
    kubeconfig: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {**kubeconfig["contexts"][0]["context"], "namespace": "elsewhere"}
    kubeconfig["contexts"].append({"name": "d", "context": elsewhere})
    use(monkeypatch, put(tmp_path / "config", kubeconfig))
    before = surroundings_stamp()
    monkeypatch.setenv("KD_CONTEXT", "d")
    assert open_registry().place.startswith("namespace elsewhere of ")
    assert surroundings_stamp() != before
    monkeypatch.setenv("KD_NAMESPACE", "named")
    assert open_registry().place.startswith("namespace named of ")


def test_a_plugin_is_asked_again_when_its_credentials_end(
    kubeconfig: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logins() -> list[str]:
        return (tmp_path / "logins").read_text().split("\n")[:-1]

    lines = f"""
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert info["spec"]["cluster"]["server"].startswith("https://"), info
with open({str(tmp_path / "logins")!r}, "a") as log:
    print(os.environ["WHO"], *sys.argv[1:], file=log)
status = {{"token": {ADMIN_TOKEN!r}}}
until = pathlib.Path({str(tmp_path / "until")!r})
if until.exists():
    status["expirationTimestamp"] = until.read_text()
print(json.dumps({{"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}}))
"""
    env = [{"name": "WHO", "value": "ana"}]
    login = plugin(tmp_path, lines, args=["--now"], env=env, provideClusterInfo=True)
    use(monkeypatch, put(tmp_path / "config", user_of(kubeconfig, **login)))
    (tmp_path / "until").write_text(f"{datetime.now(UTC) + timedelta(seconds=30):%FT%TZ}")
    registry = open_registry()
    assert registry.models() == []
    once = len(logins())
    (tmp_path / "until").unlink()
    assert registry.models() == []
    assert len(logins()) == once + 1
    for _ in range(3):
        assert open_registry().models() == registry.models() == []
    assert {*logins()} == {"ana --now"}
    assert len(logins()) == once + 1


def test_by_way_of_a_proxy(
    kubeconfig: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connecting_proxy() as (url, asked):
        use(monkeypatch, put(tmp_path / "config", cluster_of(kubeconfig, **{"proxy-url": url})))
        monkeypatch.setenv("NO_PROXY", "")
        assert open_registry().models() == []
    assert asked
    assert asked[0].startswith("CONNECT 127.0.0.1:")


def test_dev_null_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Path(os.devnull))
    assert isinstance(open_registry(), FolderRegistry)
    with pytest.raises(InvalidInput, match="no kubeconfig file here; set KUBECONFIG"):
        open_kubernetes()


def test_a_large_number_of_threads_log_in_once(
    kubeconfig: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "logins"
    lines = (
        f"open({str(log)!r}, 'a').write('x'); time.sleep(0.3)\n"
        f"print(json.dumps({{'status': {{'token': {ADMIN_TOKEN!r}}}}}))"
    )
    use(monkeypatch, put(tmp_path / "c", user_of(kubeconfig, **plugin(tmp_path, lines))))
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_registry().models())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [[]] * 8
    assert log.read_text() == "x"
