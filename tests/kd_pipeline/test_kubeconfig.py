"""kubeconfigs as people have them: several files, plugins, proxies, and each in its own way broken.

Those that are broken are shown to `kd doctor`, which names the cause in one sentence.
"""

import base64
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kd_pipeline.errors import InvalidInput, Unauthorized
from kd_pipeline.registry import FolderRegistry, open_registry
from kd_pipeline.registry.surroundings import open_kubernetes, surroundings_stamp
from tests.free_port import free_port
from tests.kd_pipeline.test_registry import TAXI
from tests.real_api_server import ADMIN_TOKEN, ApiServer
from tests.shipped import new_tenant

pytestmark = pytest.mark.slow
Settings = dict[str, Any]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing that leads to a registry but what a test sets."""
    for name in ("KD_REGISTRY", "KD_NAMESPACE", "KD_CONTEXT", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("KUBECONFIG", "KD_CONFIGMETA"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("KD_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def whole(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return a kubeconfig that leads to a tenant's namespace."""
    if not hasattr(api_server, "ca"):
        pytest.skip("needs an API server of the tests' own, not that of --kubeconfig")
    path = tmp_path_factory.mktemp("whole") / "config"
    found: Settings = yaml.safe_load(
        api_server.kubeconfig(path, namespace=new_tenant(api_server)).read_text()
    )
    return found


@pytest.fixture
def settings(whole: Settings) -> Settings:
    """Return one to be changed."""
    copy: Settings = json.loads(json.dumps(whole))
    return copy


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


class TestWhatWorks:
    def test_several_files_each_with_its_relative_paths(
        self,
        api_server: ApiServer,
        settings: Settings,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        token = tmp_path / "people" / "secrets" / "token"
        token.parent.mkdir(parents=True)
        token.write_text(ADMIN_TOKEN)
        settings["users"][0]["user"] = {"tokenFile": "secrets/token"}
        people = put(tmp_path / "people" / "config", {"users": settings["users"]})
        (tmp_path / "clusters").mkdir()
        (tmp_path / "clusters" / "ca.crt").write_bytes(api_server.ca.read_bytes())
        cluster_of(settings, **{"certificate-authority": "ca.crt"})
        first = {k: settings[k] for k in ("clusters", "contexts", "current-context")}
        other = {**first, "current-context": "another", "contexts": [], "clusters": []}
        clusters = put(tmp_path / "clusters" / "config", first)
        use(monkeypatch, tmp_path / "gone", clusters, people, put(tmp_path / "last", other))
        registry = open_registry()
        assert registry.backend == "kubernetes"
        registry.register(TAXI)
        assert len(registry.models()) == 1
        registry.delete_model("taxi", "1")

    def test_a_context_is_chosen(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        elsewhere = {**settings["contexts"][0]["context"], "namespace": "elsewhere"}
        settings["contexts"].append({"name": "d", "context": elsewhere})
        use(monkeypatch, put(tmp_path / "config", settings))
        before = surroundings_stamp()
        monkeypatch.setenv("KD_CONTEXT", "d")
        assert open_registry().place.startswith("namespace elsewhere of ")
        assert surroundings_stamp() != before
        monkeypatch.setenv("KD_NAMESPACE", "named")
        assert open_registry().place.startswith("namespace named of ")

    def test_a_plugin_is_asked_again_when_its_credentials_end(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        use(monkeypatch, put(tmp_path / "config", user_of(settings, **login)))
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
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with connecting_proxy() as (url, asked):
            use(monkeypatch, put(tmp_path / "config", cluster_of(settings, **{"proxy-url": url})))
            monkeypatch.setenv("NO_PROXY", "")
            assert open_registry().models() == []
        assert asked
        assert asked[0].startswith("CONNECT 127.0.0.1:")

    def test_dev_null_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Path(os.devnull))
        assert isinstance(open_registry(), FolderRegistry)
        with pytest.raises(InvalidInput, match="no kubeconfig file here; set KUBECONFIG"):
            open_kubernetes()

    def test_a_large_number_of_threads_log_in_once(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = tmp_path / "logins"
        lines = (
            f"open({str(log)!r}, 'a').write('x'); time.sleep(0.3)\n"
            f"print(json.dumps({{'status': {{'token': {ADMIN_TOKEN!r}}}}}))"
        )
        use(monkeypatch, put(tmp_path / "c", user_of(settings, **plugin(tmp_path, lines))))
        found: list[Any] = []
        threads = [
            threading.Thread(target=lambda: found.append(open_registry().models()))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert found == [[]] * 8
        assert log.read_text() == "x"


class connecting_proxy:  # noqa: N801 - used as a function
    """An HTTP proxy for CONNECT; ``asked`` has the first line of each request."""

    def __enter__(self) -> tuple[str, list[str]]:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._asked: list[str] = []
        self._stop = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}", self._asked

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            line = client.recv(4096).decode().split("\r\n")[0]
            self._asked.append(line)
            host, port = line.split()[1].split(":")
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, to: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            to.sendall(chunk)
    except OSError:
        pass


def doctor(folder: Path, **environment: str) -> str:
    """Return what `kd doctor` prints."""
    surroundings = {
        **{"KD_HOME": str(folder / "home"), "PATH": os.environ["PATH"]},
        **{"HOME": str(folder), "KUBECONFIG": str(folder / "config"), **environment},
    }
    command = [sys.executable, "-m", "kd_engines", "doctor"]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert ADMIN_TOKEN not in done.stdout
    return done.stdout


class TestWhatIsBroken:
    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (None, "KUBECONFIG names {config}, which is not there; correct it, or unset it."),
            (b"a: \xc3\x28", "cannot be used: it is no YAML: "),
            (b"{a: ", "cannot be used: it is no YAML: while parsing a flow"),
            (b"", "cannot be used: it has another shape than a kubeconfig. Correct it"),
            (b"[1, 2]", "{config} cannot be used: it has another shape"),
            (b"contexts: [{context: {}}]", "it has another shape"),
            (b"contexts: [{name: a}]", "it has no current context; set KD_CONTEXT to one of"),
            (b"current-context: b\ncontexts: [{name: a}]", "no context 'b', which is to be"),
            (
                b"current-context: a\ncontexts: [{name: a, context: {cluster: x}}]",
                "context 'a' names the cluster 'x', which is not there",
            ),
            (
                b"current-context: a\ncontexts: [{name: a, context: {cluster: x}}]\n"
                b"clusters: [{name: x}]",
                "the cluster of context 'a' has no server's URL",
            ),
        ],
    )
    def test_a_file_is_told(self, tmp_path: Path, content: bytes | None, told: str) -> None:
        config = tmp_path / "config"
        if content is not None:
            config.write_bytes(content)
        said = doctor(tmp_path)
        assert told.format(config=config) in said
        assert "folder" not in [
            line.split()[2] for line in said.splitlines() if "registry:" in line
        ]

    def test_a_file_that_is_none_or_not_readable_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "config").mkdir()
        assert "config is no regular file; name one." in doctor(tmp_path)
        os.mkfifo(tmp_path / "pipe")
        assert "pipe is no regular file" in doctor(tmp_path, KUBECONFIG=str(tmp_path / "pipe"))
        path = tmp_path / "locked"
        path.write_text("{}")
        use(monkeypatch, path)

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)  # root may read whatever it is
        with pytest.raises(InvalidInput, match=r"locked cannot be read \(Permission denied\)"):
            open_registry()

    def test_a_context_that_is_not_there_is_told(self, tmp_path: Path, settings: Settings) -> None:
        put(tmp_path / "config", settings)
        assert "it has no context 'd', which KD_CONTEXT names; it has: c." in doctor(
            tmp_path, KD_CONTEXT="d"
        )

    def test_certificates_are_told(self, tmp_path: Path, settings: Settings) -> None:
        put(tmp_path / "config", cluster_of(settings, **{"certificate-authority": "gone.crt"}))
        said = doctor(tmp_path)
        assert f"certificate-authority '{tmp_path}/gone.crt' is not there, or not readable" in said
        another = tmp_path / "another.crt"
        subject = ["-subj", "/CN=another", "-days", "9", "-nodes", "-newkey", "rsa:2048"]
        made = ["-keyout", str(tmp_path / "key"), "-out", str(another)]
        subprocess.run(
            ["openssl", "req", "-x509", *subject, *made], check=True, capture_output=True
        )
        put(tmp_path / "config", cluster_of(settings, **{"certificate-authority": str(another)}))
        said = doctor(tmp_path)
        assert "is not trusted (self-signed certificate" in said or "unable to get local" in said
        assert "check certificate-authority and server in the kubeconfig" in said
        another.write_text("no certificate")
        assert "is not trusted (" in doctor(tmp_path)

    def test_a_name_that_the_certificate_has_not_is_told(
        self, tmp_path: Path, settings: Settings
    ) -> None:
        put(tmp_path / "config", cluster_of(settings, **{"tls-server-name": "elsewhere.example"}))
        assert "Hostname mismatch" in doctor(tmp_path)

    def test_a_server_that_is_not_there_is_told(
        self, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(tmp_path / "config", cluster_of(settings, server=f"https://127.0.0.1:{free_port()}"))
        assert "does not answer (NewConnectionError); check the network" in doctor(tmp_path)
        put(tmp_path / "config", cluster_of(settings, server="https://no.such.name.invalid"))
        said = doctor(tmp_path)
        assert "The name of the Kubernetes API server https://no.such.name.invalid is not" in said

    def test_a_proxy_that_is_not_there_is_told(self, tmp_path: Path, settings: Settings) -> None:
        proxy = f"http://127.0.0.1:{free_port()}"
        put(tmp_path / "config", settings)
        for_all = {"HTTPS_PROXY": proxy, "NO_PROXY": ""}
        assert "The proxy before the Kubernetes API server" in doctor(tmp_path, **for_all)
        put(tmp_path / "config", cluster_of(settings, **{"proxy-url": proxy}))
        assert "check proxy-url in the kubeconfig, or HTTPS_PROXY" in doctor(tmp_path)

    @pytest.mark.parametrize(
        ("lines", "told"),
        [
            (
                'print("\\x1b[31mUnable to locate credentials.", file=sys.stderr); sys.exit(255)',
                "plugins/login` gives no credentials (exit code 255): [31mUnable to locate",
            ),
            ("sys.exit(3)", "gives no credentials (exit code 3): it said nothing"),
            ("print('hello')", "printed no ExecCredential with a token or a certificate"),
            ('print(\'{"status": {"token": null}}\')', "printed no ExecCredential"),
        ],
    )
    def test_a_plugins_own_words_are_told(
        self, tmp_path: Path, settings: Settings, lines: str, told: str
    ) -> None:
        put(tmp_path / "config", user_of(settings, **plugin(tmp_path, lines)))
        assert told in doctor(tmp_path)

    def test_a_plugin_that_is_not_there_is_told(self, tmp_path: Path, settings: Settings) -> None:
        hint = "Install it from https://example.invalid/login."
        missing = {"exec": {"command": "kubectl-no-login", "installHint": hint}}
        put(tmp_path / "config", user_of(settings, **missing))
        assert f"plugin `kubectl-no-login` is not there: {hint}" in doctor(tmp_path)
        put(tmp_path / "config", user_of(settings, exec={"args": ["a"]}))
        assert "has a plugin (exec) without a command" in doctor(tmp_path)

    def test_a_plugin_that_waits_for_a_person_is_told(
        self, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("kd_pipeline.registry.credentials.PLUGIN_S", 0.3)
        login = plugin(tmp_path, "time.sleep(60)", args=["--secret", "s3cret"] * 3)
        use(monkeypatch, put(tmp_path / "config", user_of(settings, **login)))
        with pytest.raises(Unauthorized, match=r"no credentials for 0\.3 s; it may wait for a lo"):
            open_registry()

    def test_logins_that_have_ended_are_told(
        self, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claims = base64.urlsafe_b64encode(b'{"exp": 1600000000}').decode().rstrip("=")
        token = f"head.{claims}.signature"
        oidc = {"idp-issuer-url": "https://login.example", "id-token": token}
        put(tmp_path / "config", user_of(settings, **_provider("oidc", **oidc)))
        said = doctor(tmp_path)
        assert "token of https://login.example expired 2020-09-13 12:26 UTC" in said
        assert "Log in to the cluster again" in said
        refused = f"https://127.0.0.1:{free_port()}"
        renewed = {**oidc, "idp-issuer-url": refused, "refresh-token": "r", "client-id": "c"}
        put(tmp_path / "config", user_of(settings, **_provider("oidc", **renewed)))
        assert "cannot be used: MaxRetryError" in doctor(tmp_path)
        put(tmp_path / "config", user_of(settings, **_provider("gcp")))
        assert "logs in by auth-provider 'gcp', which Kubernetes has given up" in doctor(tmp_path)
        put(tmp_path / "config", user_of(settings, token=token))
        said = doctor(tmp_path)
        assert "credentials: expired 2020-09-13 12:26 UTC" in said
        assert "does not accept these credentials; they may have expired" in said


def _provider(name: str, **config: str) -> Settings:
    return {"auth-provider": {"name": name, "config": config}}
