"""What stands in a file's place never blocks who opens it."""

import os
import socket
from pathlib import Path

import pytest

from kd_pipeline.regular_files import NotRegular, read_regular


@pytest.mark.timeout(5)
def test_only_a_regular_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_regular(tmp_path / "file") == b"0123456789"
    assert read_regular(tmp_path / "file", 3, 4) == b"3456"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotRegular, match="pipe is a named pipe, not a regular file"):
        read_regular(tmp_path / "pipe")
    with pytest.raises(NotRegular, match="is a folder"):
        read_regular(tmp_path)
    with pytest.raises(NotRegular, match="null is a device"):
        read_regular("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # a socket's path may have a hundred letters only
        listener.bind("socket")
        with pytest.raises(NotRegular, match="is a socket"):
            read_regular("socket")
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none")
