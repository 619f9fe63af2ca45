"""Manifests as text: what is read, at which cost, and what is told of a text that is none."""

import json
import re
import time

import pytest
import yaml

from kd_engines.local.exchange import read_stream
from kd_pipeline.errors import InvalidInput
from kd_pipeline.manifest_text import BadManifest, _trouble, read_all, write_all
from kd_pipeline.registry.kubeconfig import kubeconfig_of_secret
from kd_pipeline.registry.manifest_files import ManifestFiles

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
def test_it_tells_where_and_not_what(text: str, told: str) -> None:
    with pytest.raises(BadManifest) as error:
        read_all(text)
    assert "hunter2" not in str(error.value)
    if told.startswith("line"):  # libyaml counts columns otherwise
        assert told.partition(", column")[0] in str(error.value)
    with pytest.raises(yaml.YAMLError) as of_yaml:
        yaml.safe_load(text)
    assert told in _trouble(of_yaml.value)


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: " + "1" * 1_000_000, "a number of 1,000,000 characters, 100 are the limit"),
        ("a: " + ":".join(["1"] * 200_000), "a number of 399,999 characters"),
        ("a: " + "1" * 500_000 + ".5", "a number of 500,002 characters"),
        ('{"a": ' + "1" * 1_000_000 + "}", "a number of 1,000,000 characters"),
        ("[" * 100_000, "nesting"),
        ("a:\n" + "".join("  " * n + "- \n" for n in range(1, 400)), "nest"),
        ("&a [*a]", "an alias (*) holds itself"),
        (
            "".join(
                f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10) if n else 1}]\n" for n in range(9)
            ),
            "repeat more than 2,000,000 values",
        ),
        (b"a: \xe9", "it is not UTF-8 text (at byte 3)"),
    ],
)
def test_a_bomb_costs_little_and_is_told(text: str | bytes, told: str) -> None:
    began = time.process_time()
    with pytest.raises(BadManifest) as error:
        read_all(text)
    assert told in str(error.value)
    assert len(str(error.value)) < 300
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"a": "Taxi 🚕"}),
        json.dumps({"a": "Taxi 🚕"}, ensure_ascii=False),
        json.dumps({"a": "Taxi 🚕"}, indent=2).encode(),
        "a: Taxi 🚕",
        'a: "Taxi \\U0001F695"',
        "a: Taxi 🚕".encode("utf-16"),
        b"\xef\xbb\xbfa: Taxi \xf0\x9f\x9a\x95",
        write_all([{"a": "Taxi 🚕"}]),
    ],
)
def test_an_emoji_is_one_however_it_is_written(content: str | bytes) -> None:
    assert read_all(content) == [{"a": "Taxi 🚕"}]


def test_json_may_be_indented_with_tabs() -> None:
    """As KubeDirector's catalog is, which YAML does not allow."""
    manifest = {"kind": "KubeDirectorApp", "spec": {"roles": [{"id": "controller"}]}}
    assert read_all(json.dumps(manifest, indent="\t")) == [manifest]


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert read_all('{"a": ["x\\ud83d"]}') == [{"a": ["x\ufffd"]}]


LIKE_OTHERS = [
    *("08", "1e3", "0340914", "1_000", "0x1F", "0o7", "0b1", "12:30", "12:30:45", "1.", ".5", "+1"),
    *("-1", "1E6", "2e0", "12e03", "y", "N", "yes", "off", "True", "null", "~", "nan", ".inf"),
    *(
        "-.INF",
        "2026-11-26",
        "2026-11-26T10:00:00Z",
        "",
        " x",
        "x ",
        "- a",
        "a: b",
        "#a",
        "*a",
        "!a",
    ),
    *(
        "!a",
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "a\nb",
        "1\n2",
        "\ttab",
        "=",
        "<<",
        "...",
        "---",
        "é",
        "🚕",
    ),
]


@pytest.mark.parametrize("text", LIKE_OTHERS)
def test_text_stays_text_for_every_reader(text: str) -> None:
    written = write_all([{"data": {"key": text, text: "value"}}])
    assert read_all(written) == [{"data": {"key": text, text: "value"}}]
    line = written.splitlines()[1]
    if re.match(r"[-+.]?\d|(?i:y|n|yes|off|true|null|nan|[-+]?\.inf)$", text) and "\n" not in text:
        assert line == f"  key: '{text}'"  # Go's YAML and YAML 1.2 take more for numbers


def test_what_occurs_twice_is_written_twice() -> None:
    shared = {"a": "1"}
    assert "&" not in write_all([{"x": shared, "y": shared}])
