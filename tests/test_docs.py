"""What README, CONTRIBUTING and docs name is there: files, make targets, Pythons."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "deploy" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))
WITH_NAMES = [page.relative_to(ROOT) for page in PAGES]
ROOMS = ("kd_", "tests", "docs", "deploy", "benchmarks", "jupyter_extension", "notebooks", ".ci")


@pytest.mark.parametrize("page", PAGES, ids=map(str, WITH_NAMES))
def test_a_page_s_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=map(str, WITH_NAMES))
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`([\w.-]+/[\w./-]+)`", page.read_text())
    ours = [name for name in named if name.startswith(ROOMS)]
    assert [name for name in ours if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=map(str, WITH_NAMES))
def test_make_has_the_targets_that_a_page_names(page: Path) -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:^|`)make\s+([\w./][\w./-]*)", page.read_text(), re.M))
    assert named <= targets


def test_the_workflow_tests_every_python_that_is_supported() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = [line for line in project["classifiers"] if "Python :: 3." in line]
    tested = workflow["jobs"]["fast"]["strategy"]["matrix"]["python"]
    assert tested == [line.rpartition(" ")[2] for line in known]


def test_the_hooks_run_what_make_check_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    for hook in hooks:
        program, *_ = hook["entry"].split()
        assert program == "make" or program.removeprefix(".venv/bin/") in ("ruff", "mypy")
