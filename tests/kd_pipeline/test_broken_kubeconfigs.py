"""kubeconfigs that are broken, each in its own way: `kd doctor` names the cause in one sentence."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kd_pipeline.errors import InvalidInput, KdError, Unauthorized
from kd_pipeline.registry import open_registry
from tests.free_port import free_port
from tests.kd_pipeline.kubeconfigs import Settings, cluster_of, plugin, put, use, user_of
from tests.real_api_server import ADMIN_TOKEN

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_surroundings")]


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


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "KUBECONFIG names {config}, which is not there; correct it, or unset it."),
        (b"a: \xc3\x28", "cannot be used: it is not YAML: "),
        (b"{a: ", "cannot be used: it is not YAML: line "),
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
def test_a_file_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    config = tmp_path / "config"
    if content is not None:
        config.write_bytes(content)
    said = doctor(tmp_path)
    assert told.format(config=config) in said
    assert "folder" not in [line.split()[2] for line in said.splitlines() if "registry:" in line]


def test_a_file_that_is_none_or_not_readable_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    assert "config is not a regular file; name one." in doctor(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "pipe is not a regular file" in doctor(tmp_path, KUBECONFIG=str(tmp_path / "pipe"))
    path = tmp_path / "locked"
    path.write_text("{}")
    use(monkeypatch, path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read whatever it is
    with pytest.raises(InvalidInput, match=r"locked cannot be read \(Permission denied\)"):
        open_registry()


def test_a_context_that_is_not_there_is_told(tmp_path: Path, kubeconfig: Settings) -> None:
    put(tmp_path / "config", kubeconfig)
    assert "it has no context 'd', which KD_CONTEXT names; it has: c." in doctor(
        tmp_path, KD_CONTEXT="d"
    )


def test_certificates_are_told(tmp_path: Path, kubeconfig: Settings) -> None:
    put(tmp_path / "config", cluster_of(kubeconfig, **{"certificate-authority": "gone.crt"}))
    said = doctor(tmp_path)
    assert f"certificate-authority '{tmp_path}/gone.crt' is not there, or not readable" in said
    another = tmp_path / "another.crt"
    subject = ["-subj", "/CN=another", "-days", "9", "-nodes", "-newkey", "rsa:2048"]
    made = ["-keyout", str(tmp_path / "key"), "-out", str(another)]
    subprocess.run(["openssl", "req", "-x509", *subject, *made], check=True, capture_output=True)
    put(tmp_path / "config", cluster_of(kubeconfig, **{"certificate-authority": str(another)}))
    said = doctor(tmp_path)
    assert "is not trusted (self-signed certificate" in said or "unable to get local" in said
    assert "check certificate-authority and server in the kubeconfig" in said
    another.write_text("no certificate")
    assert "is not trusted (" in doctor(tmp_path)


def test_a_name_that_the_certificate_has_not_is_told(tmp_path: Path, kubeconfig: Settings) -> None:
    put(tmp_path / "config", cluster_of(kubeconfig, **{"tls-server-name": "elsewhere.example"}))
    assert "Hostname mismatch" in doctor(tmp_path)


def test_a_server_that_is_not_there_is_told(
    tmp_path: Path, kubeconfig: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "config", cluster_of(kubeconfig, server=f"https://127.0.0.1:{free_port()}"))
    assert "does not answer (NewConnectionError); check the network" in doctor(tmp_path)
    put(tmp_path / "config", cluster_of(kubeconfig, server="https://no.such.name.invalid"))
    said = doctor(tmp_path)
    assert "The name of the Kubernetes API server https://no.such.name.invalid is not" in said


def test_a_proxy_that_is_not_there_is_told(tmp_path: Path, kubeconfig: Settings) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    put(tmp_path / "config", kubeconfig)
    for_all = {"HTTPS_PROXY": proxy, "NO_PROXY": ""}
    assert "The proxy before the Kubernetes API server" in doctor(tmp_path, **for_all)
    put(tmp_path / "config", cluster_of(kubeconfig, **{"proxy-url": proxy}))
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
    tmp_path: Path, kubeconfig: Settings, lines: str, told: str
) -> None:
    put(tmp_path / "config", user_of(kubeconfig, **plugin(tmp_path, lines)))
    assert told in doctor(tmp_path)


def test_a_plugin_that_is_not_there_is_told(tmp_path: Path, kubeconfig: Settings) -> None:
    hint = "Install it from https://example.invalid/login."
    missing = {"exec": {"command": "kubectl-no-login", "installHint": hint}}
    put(tmp_path / "config", user_of(kubeconfig, **missing))
    assert f"plugin `kubectl-no-login` is not there: {hint}" in doctor(tmp_path)
    put(tmp_path / "config", user_of(kubeconfig, exec={"args": ["a"]}))
    assert "has a plugin (exec) without a command" in doctor(tmp_path)


def test_a_plugin_that_waits_for_a_person_is_told(
    tmp_path: Path, kubeconfig: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kd_pipeline.registry.credentials.PLUGIN_S", 0.3)
    login = plugin(tmp_path, "time.sleep(60)", args=["--secret", "s3cret"] * 3)
    use(monkeypatch, put(tmp_path / "config", user_of(kubeconfig, **login)))
    with pytest.raises(Unauthorized, match=r"no credentials for 0\.3 s; it may wait for") as told:
        open_registry()
    assert "s3cret" not in str(told.value)


def test_what_a_plugin_is_called_with_is_not_told(
    tmp_path: Path, kubeconfig: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold a client's secret, as that of `kubectl oidc-login` does."""
    for lines in ("sys.exit(2)", "print('none')"):
        login = plugin(tmp_path, lines, args=["--oidc-client-secret=s3cret"])
        use(monkeypatch, put(tmp_path / "config", user_of(kubeconfig, **login)))
        with pytest.raises(KdError) as told:
            open_registry()
        assert "plugins/login`" in str(told.value)
        assert "s3cret" not in str(told.value)


def test_logins_that_have_ended_are_told(
    tmp_path: Path, kubeconfig: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1600000000}').decode().rstrip("=")
    token = f"head.{claims}.signature"
    oidc = {"idp-issuer-url": "https://login.example", "id-token": token}
    put(tmp_path / "config", user_of(kubeconfig, **_provider("oidc", **oidc)))
    said = doctor(tmp_path)
    assert "token of https://login.example expired 2020-09-13 12:26 UTC" in said
    assert "Log in to the cluster again" in said
    refused = f"https://127.0.0.1:{free_port()}"
    renewed = {**oidc, "idp-issuer-url": refused, "refresh-token": "r", "client-id": "c"}
    put(tmp_path / "config", user_of(kubeconfig, **_provider("oidc", **renewed)))
    assert "cannot be used: MaxRetryError" in doctor(tmp_path)
    put(tmp_path / "config", user_of(kubeconfig, **_provider("gcp")))
    assert "logs in by auth-provider 'gcp', which Kubernetes has given up" in doctor(tmp_path)
    put(tmp_path / "config", user_of(kubeconfig, token=token))
    said = doctor(tmp_path)
    assert "credentials: expired 2020-09-13 12:26 UTC" in said
    assert "does not accept these credentials; they may have expired" in said


def _provider(name: str, **config: str) -> Settings:
    return {"auth-provider": {"name": name, "config": config}}
