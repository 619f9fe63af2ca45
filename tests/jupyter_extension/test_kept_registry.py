"""The registry stays open, is read where it changed, and takes renewed credentials."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jupyter_extension import kept_registry, models
from jupyter_extension.kept_registry import KeptRegistry
from jupyter_extension.pipeline import Pipeline
from kd_pipeline.errors import InvalidInput, ModelNotFound, Unauthorized, Unavailable
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import open_registry
from tests.jupyter_extension.surroundings import Surroundings, register
from tests.kubedirector.operator import running_cluster
from tests.real_api_server import ApiServer


class TestKept:
    def test_it_is_opened_once_and_read_once(self, pipeline: Pipeline) -> None:
        register(pipeline.registry(), "1")
        first = pipeline.kept.snapshot()
        assert pipeline.kept.snapshot() is first
        assert pipeline.registry() is pipeline.registry()

    def test_what_others_write_is_seen_at_once(self, pipeline: Pipeline) -> None:
        assert pipeline.kept.snapshot().models == []
        register(open_registry(), "1", "2")
        assert [m.version for m in pipeline.kept.snapshot().models] == ["1", "2"]
        open_registry().set_alias("taxi", "champion", "2")
        assert pipeline.kept.snapshot().resolve("taxi", "champion").version == "2"
        open_registry().describe("taxi", "1", "other")
        assert pipeline.kept.snapshot().resolve("taxi", "1").description == "other"

    def test_an_unknown_version_is_told_with_the_known(self, pipeline: Pipeline) -> None:
        register(pipeline.registry(), "1")
        with pytest.raises(ModelNotFound, match="registered are: 1"):
            pipeline.kept.snapshot().resolve("taxi", "9")
        with pytest.raises(ModelNotFound, match="no version is"):
            pipeline.kept.snapshot().resolve("bus", "9")

    def test_many_threads_see_every_write_of_their_own(self, pipeline: Pipeline) -> None:
        def write(number: int) -> bool:
            name = f"model-{number}"
            pipeline.registry().register(ModelConfig(name, "1", "p", "s"))
            return pipeline.kept.snapshot().resolve(name, "1").name == name

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(write, range(16)))


def test_problems_that_no_generation_tells_are_read_again(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = here.pipeline()
    first = pipeline.kept.snapshot()
    monkeypatch.setattr(kept_registry, "FRESH_S", 0.0)
    assert pipeline.kept.snapshot() is not first


def test_another_folder_is_opened_when_it_is_named(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptRegistry()
    before = kept.open()
    here.attach({})  # configmeta.json changes, but not where the registry is
    assert kept.open() is before
    monkeypatch.setenv("KD_REGISTRY", str(here.path / "others"))
    assert kept.open().place == str(here.path / "others")


def test_a_kubeconfig_that_is_none_is_told_until_it_is_one(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = here.path / "config"
    config.write_text("nonsense")
    monkeypatch.setenv("KD_REGISTRY", "kubernetes")
    monkeypatch.setenv("KUBECONFIG", str(config))
    pipeline = here.pipeline()
    for _ in range(2):
        with pytest.raises(InvalidInput, match="config cannot be used"):
            models.model_registry(pipeline)


@pytest.mark.slow
class TestCredentials:
    def test_expired_ones_are_one_sentence_and_renewed_ones_are_taken(
        self, here: Surroundings, api_server: ApiServer
    ) -> None:
        namespace = here.use(api_server)
        config, pipeline = here.path / "kubeconfig", here.pipeline()
        register(pipeline.registry(), "1")
        assert len(models.model_registry(pipeline).models) == 1
        api_server.kubeconfig(config, token="expired", namespace=namespace)
        for _ in range(2):
            with pytest.raises(Unauthorized, match="they may have expired") as told:
                models.model_registry(pipeline)
            assert "\n" not in str(told.value)
            assert "expired'" not in str(told.value)
        with pytest.raises(Unauthorized):
            models.describe(pipeline, "taxi", "1", "no")
        api_server.kubeconfig(config, namespace=namespace)
        assert models.model(pipeline, "taxi", "1").description == ""

    def test_refused_credentials_are_looked_up_anew(
        self, here: Surroundings, api_server: ApiServer
    ) -> None:
        here.use(api_server)
        kept = KeptRegistry()
        before = kept.open()
        with pytest.raises(Unauthorized), kept.used():
            raise Unauthorized("no")
        assert kept.open() is not before
        assert kept.snapshot().models == []

    def test_a_server_that_is_down_is_told_and_comes_back(
        self, here: Surroundings, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with running_cluster(tmp_path_factory.mktemp("own")) as (server, _):
            here.use(server)
            pipeline = here.pipeline()
            register(pipeline.registry(), "1")
            server.kill()
            with pytest.raises(Unavailable, match="does not answer"):
                models.model_registry(pipeline)
            server.start()
            assert len(models.model_registry(pipeline).models) == 1


def test_a_registry_that_is_slow_is_read_by_one(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, count = KeptRegistry(), [0]
    register(kept.open(), "1")
    whole, gate = kept_registry._read, threading.Barrier(4)

    def counted(*given: object) -> kept_registry.Snapshot:
        count[0] += 1
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(kept_registry, "_read", counted)

    def read(_: int) -> kept_registry.Snapshot:
        gate.wait()
        return kept.snapshot()

    with ThreadPoolExecutor(4) as pool:
        assert len({id(found) for found in pool.map(read, range(4))}) == 1
    assert count == [1]
