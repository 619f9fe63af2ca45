"""requirements.txt as editors, Windows and pip-compile write it."""

import codecs
from pathlib import Path

import pytest

from kd_magics.cells.requirement_files import read
from kd_magics.errors import BadOptions

TEXT = "pandas>=2  # tables\r\n\r\n# a comment\r\nnumpy\r\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        b"# -*- coding: latin-1 -*-\n# f\xfcr\npandas>=2\nnumpy",
        b"pandas \\\n  >=2\nnumpy",
        b"pandas>=2\nnumpy \\\n",
    ],
)
def test_a_file_is_read_as_pip_reads_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(content)
    assert [text.replace(" ", "") for text in read(path, path.name)] == ["pandas>=2", "numpy"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("pandas==2.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n", "line 1: --hash is"),
        ("numpy\n-r other.txt", "line 2: -r is an option of pip"),
        ("--index-url https://x/simple\n", "line 1: --index-url is"),
        ("-e .", "line 1: -e is"),
    ],
)
def test_options_of_pip_are_refused_by_name(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(content)
    with pytest.raises(BadOptions, match=told):
        read(path, path.name)


def test_markers_and_names_with_dashes_are_no_options(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    lines = ["scikit-learn>=1.5", 'pywin32; sys_platform == "win32"', "a @ https://x/a-1.0-py3.whl"]
    path.write_text("\n".join(lines))
    assert read(path, path.name) == lines


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadOptions, match=r"--requirements gone\.txt cannot be read: No such file"):
        read(tmp_path / "gone.txt", "gone.txt")
