"""What is told of a text that is no YAML: where and why, and nothing of the text."""

import pytest
import yaml

from kd_engines.local.exchange import read_stream
from kd_pipeline.errors import InvalidInput
from kd_pipeline.registry.kubeconfig import kubeconfig_of_secret
from kd_pipeline.registry.manifest_files import ManifestFiles, load_all
from kd_pipeline.yaml_trouble import yaml_trouble

TORN = [
    ("a: b\ntoken: hunter2: [\n", "line 2, column 15: mapping values are not allowed here"),
    ("token: 'hunter2\n", "line 2, column 1: found unexpected end of stream"),
    ("- a\nhunter2: b", "line 2, column 1: "),
    ("token: *hunter2", "line 1, column 8: an alias (*) that is used wrongly"),
    ("token: &a hunter2\n&a b: *hunter2", "an alias (*) that is used wrongly"),
    ("token: !hunter2 x", "line 1, column 8: an unknown tag"),
    ("token: hunter2\0", "special characters are not allowed"),
]


@pytest.mark.parametrize(("text", "told"), TORN)
@pytest.mark.parametrize("load", [yaml.safe_load, load_all])
def test_it_tells_where_and_not_what(load: object, text: str, told: str) -> None:
    with pytest.raises(yaml.YAMLError) as error:
        load(text)  # type: ignore[operator]
    assert "hunter2" not in yaml_trouble(error.value)
    if load is yaml.safe_load:  # libyaml counts a few columns in another way
        assert told in yaml_trouble(error.value)


@pytest.mark.parametrize("text", [text for text, _ in TORN])
def test_whoever_reads_yaml_of_people_tells_nothing_of_it(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "secret.yaml").write_text(text)
    told = [*ManifestFiles(folder).documents()[1].values()]
    for read in (read_stream, kubeconfig_of_secret):
        with pytest.raises(InvalidInput) as error:
            read(text.encode())
        told.append(str(error.value))
    assert len(told) == 3
    assert not any("hunter2" in sentence for sentence in told)
