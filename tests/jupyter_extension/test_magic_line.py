"""A job's options as a cell's first line are read as the same options again."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jupyter_extension.magic_line import magic_line
from kd_magics.cells import cell_options
from kd_pipeline.messages import Job, Resources

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name.isidentifier() and name not in ("in", "as", "is", "if", "or", "def", "del")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp", "Zs"), include_characters=" ")
)


def job(**fields: Any) -> Job:
    return Job(1, "train", "Finished", "", "", "", "", **fields)


@given(
    name=PRINTABLE,
    params=st.dictionaries(NAMES, VALUES, max_size=4),
    outputs=st.lists(NAMES, max_size=3),
    timeout=st.none() | st.integers(1, 10**6),
    memory=st.none() | st.integers(1, 2**50),
)
def test_the_line_is_read_as_what_the_job_was(
    name: str, params: dict[str, Any], outputs: list[str], timeout: int | None, memory: int | None
) -> None:
    resources = Resources(memory_bytes=memory)
    told = job(name=name, params=params, outputs=outputs, timeout_s=timeout, resources=resources)
    magic, _, line = magic_line("train", told).partition(" ")
    assert magic == "%%train"
    variables = {"x": "a variable", **dict.fromkeys(params, "another")}
    read = cell_options.parser("train").read(line, variables)
    assert (read.name, dict(read.param), read.outputs) == (name, params, outputs)
    assert (read.timeout, read.memory) == (timeout, memory)


def test_the_line_reads_as_a_person_would_write_it() -> None:
    told = job(
        name="first-try",
        params={"lr": 0.1, "kind": "a b"},
        inputs=["rides"],
        requirements=["polars==1.9"],
        resources=Resources(cpus=2, memory_bytes=4 * 1024**3),
        timeout_s=5400,
        clean=True,
    )
    assert magic_line("train", told) == (
        "%%train --name first-try --param lr=0.1 --param 'kind=\"a b\"' --in rides "
        "--requirements polars==1.9 --timeout 5400s --cpus 2 --memory 4g --clean"
    )
