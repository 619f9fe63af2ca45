"""Files that were sent with a job are found under their relative names, and are the job's own."""

from textwrap import dedent

import pytest

from tests.kd_engines.training.job.test_values import file
from tests.kd_engines.training.running_engine import RunningEngine


def test_files_are_found_under_their_relative_names(engine: RunningEngine) -> None:
    root = engine.repository
    (root / "other").mkdir()
    (root / "other/shared.txt").write_text("everybody's")
    (root / "other/both.txt").write_text("hidden")
    code = """
        import glob, multiprocessing, os, shutil
        from pathlib import Path
        import pandas as pd

        def size(name):
            return len(open(name).read())

        print(open("trips.csv").read(), pd.read_csv("./data/a.csv").columns.tolist())
        print(os.path.isfile("data/a.csv"), Path("data/a.csv").stat().st_size)
        print(*(os.path.basename(p) for p in sorted(glob.glob("data/*.csv"))))
        print(sorted(os.listdir("new")), *(p.name for p in Path("new").glob("*.txt")))
        print(sorted(os.listdir("other")), sorted(p.read_text() for p in Path("other").iterdir()))
        print([sorted(names) for _, _, names in os.walk("other")])
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(size, ["trips.csv"]))
        Path("data/made.txt").write_text("made")
        Path("trips.csv").write_text("changed")
        print(Path("trips.csv").read_text())
        shutil.copy("data/b.csv", "copy.csv")
        os.chdir("other")
        print(os.path.exists("trips.csv"), open("../data/b.csv").read())
    """
    files = {"trips.csv": file("sent"), "data/a.csv": file("x,y"), "data/b.csv": file("b")}
    (root / "trips.csv").write_text("the repository's")
    files |= {
        "other/mine.txt": file("mine"),
        "other/both.txt": file("mine"),
        "new/n.txt": file("n"),
    }
    job, log = engine.run(dedent(code), files=files)
    assert log.splitlines() == [
        "sent ['x', 'y']",
        "True 3",
        "a.csv b.csv",
        "['n.txt'] n.txt",
        "['both.txt', 'mine.txt', 'shared.txt'] [\"everybody's\", 'mine', 'mine']",
        "[['both.txt', 'mine.txt', 'shared.txt']]",
        "[4]",
        "changed",
        "False b",
    ]
    assert job["status"] == "Finished"
    assert (root / "data/made.txt").read_text() == "made"
    assert (root / "trips.csv").read_text() == "changed"
    assert (root / "copy.csv").read_text() == "b"


SENT = {"trips.csv": "sent", "exp/conf.txt": "conf", "data/both.txt": "mine"}
CHANGES = {
    "import os\nopen('t', 'w').write('new'); os.replace('t', 'trips.csv')": ("new", "new"),
    "import os\nopen('t', 'w').write('new'); os.rename('t', 'trips.csv')": ("new", "new"),
    "open('trips.csv', 'a').write('+')": ("sent+", "theirs"),
    "open('trips.csv', 'r+').write('S')": ("Sent", "theirs"),
    "try:\n    open('trips.csv', 'x')\nexcept FileExistsError:\n    pass": ("sent", "theirs"),
    "import os\nif os.path.exists('trips.csv'): os.remove('trips.csv')": ("theirs", "theirs"),
    "import os\nos.rename('trips.csv', 'moved.csv'); open('trips.csv', 'w')": ("", ""),
    "import os\nopen('other/trips.csv', 'w', opener=lambda p, f: os.open('trips.csv', f, "
    "dir_fd=os.open('other', os.O_RDONLY)))": ("sent", "theirs"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_job_does_to_what_was_sent_is_its_own(engine: RunningEngine, change: str) -> None:
    (engine.repository / "other").mkdir(exist_ok=True)
    (engine.repository / "trips.csv").write_text("theirs")
    files = {name: file(text) for name, text in SENT.items()}
    job, log = engine.run(f"{change}\nprint(open('trips.csv').read())", files=files)
    assert job["status"] == "Finished", log
    read, there = CHANGES[change]
    assert log == f"{read}\n"
    assert (engine.repository / "trips.csv").read_text() == there


def test_folders_that_were_sent_are_folders(engine: RunningEngine) -> None:
    code = """
        import glob, os, shutil
        from pathlib import Path
        print("trips.csv" in os.listdir(), glob.glob("tr*.csv"), "exp" in os.listdir("."))
        print(sorted(e.path for e in os.scandir("exp")))
        print([p.name for p in Path().glob("*/conf.txt")])
        shutil.copy2("exp/conf.txt", "copied.txt")
        shutil.copytree("exp", "exp2")
        os.makedirs("exp/out", exist_ok=True)
        os.chdir("exp")
        print(open("conf.txt").read(), os.getcwd().endswith("/project_repo/exp"))
        os.chdir("..")
        print(open("data/both.txt").read())
    """
    files = {name: file(text) for name, text in SENT.items()} | {"exp/mod.py": file("X = 7")}
    job, log = engine.run(dedent(code), files=files)
    assert log.splitlines() == [
        "True ['trips.csv'] True",
        "['exp/conf.txt', 'exp/mod.py']",
        "['conf.txt']",
        "conf True",
        "mine",
    ]
    assert job["status"] == "Finished"
    assert (engine.repository / "exp2/conf.txt").read_text() == "conf"
    assert (engine.repository / "copied.txt").read_text() == "conf"
    assert (engine.repository / "exp/out").is_dir()
