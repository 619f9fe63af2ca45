"""Code that hard-codes the mount point runs without one."""

from pathlib import Path
from typing import Any

import pytest

from kd_pipeline import mount_points
from kd_pipeline.mount_points import compile_localized

ROOT = Path("/srv/repo")


def value(source: str, root: Path = ROOT) -> Any:
    """Return what ``x`` is after the localized source ran."""
    namespace: dict[str, Any] = {"name": "taxi"}
    exec(compile_localized(source, "cell", root), namespace)
    return namespace["x"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = '/bd-fs-mnt/project_repo'", "/srv/repo"),
        ("x = '/bd-fs-mnt/project_repo/data/a.csv'", "/srv/repo/data/a.csv"),
        ("x = '/bd-fs-mnt/TenantShare/' + 'a'", "/srv/repo/a"),
        ("x = f'/bd-fs-mnt/project_repo/models/{name}'", "/srv/repo/models/taxi"),
        ("x = f'{name}:/bd-fs-mnt/project_repo'", "taxi:/srv/repo"),
        ("x = b'/bd-fs-mnt/project_repo/a'", b"/srv/repo/a"),
        (
            "x = 'cp /bd-fs-mnt/project_repo/a /bd-fs-mnt/project_repo/b'",
            "cp /srv/repo/a /srv/repo/b",
        ),
        ("x = 'file:///bd-fs-mnt/project_repo/a'", "file:///srv/repo/a"),
        ("x = '/bd-fs-mnt/project_repo2/a'", "/bd-fs-mnt/project_repo2/a"),
        ("x = '/bd-fs-mnt/project_repo.old'", "/bd-fs-mnt/project_repo.old"),
        ("x = '/mnt/bd-fs-mnt/project_repo'", "/mnt/bd-fs-mnt/project_repo"),
        ("x = '/other'", "/other"),
    ],
)
def test_paths_below_a_missing_mount_point_are_in_the_repository(
    source: str, expected: Any
) -> None:
    assert value(source) == expected


def test_an_existing_mount_point_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project_repo").mkdir()
    monkeypatch.setattr(mount_points, "MOUNTED", str(tmp_path))
    monkeypatch.setattr(mount_points, "SIGNS", (str(tmp_path),))
    assert value(f"x = '{tmp_path}/project_repo/a'") == f"{tmp_path}/project_repo/a"
    assert value(f"x = '{tmp_path}/TenantShare/a'") == "/srv/repo/a"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = '/bd-fs-mnt/trips/2020.csv'", "{root}/mnt/trips/2020.csv"),
        ("x = '/bd-fs-mnt/trips'", "{root}/mnt/trips"),
        ("x = 'It is in /bd-fs-mnt/trips.'", "It is in {root}/mnt/trips."),
        ("x = '/bd-fs-mnt/trips.old/a'", "/bd-fs-mnt/trips.old/a"),
        ("x = '/bd-fs-mnt/others/a'", "/bd-fs-mnt/others/a"),
        ("x = 's3://models.v2/taxi/1.ubj'", "{root}/s3/models.v2/taxi/1.ubj"),
        ("x = f's3://models.v2/{name}'", "{root}/s3/models.v2/taxi"),
        ("x = 's3://elsewhere/taxi'", "s3://elsewhere/taxi"),
        ("x = 'https://s3.example/models.v2'", "https://s3.example/models.v2"),
        ("x = f'/bd-fs-mnt/trips{name}/a'", "/bd-fs-mnt/tripstaxi/a"),
        ("x = f'http://{name}/bd-fs-mnt/trips/a'", "http://taxi/bd-fs-mnt/trips/a"),
        ("x = f'{name} /bd-fs-mnt/trips'", "taxi {root}/mnt/trips"),
        ("x = '/bd-fs-mnt/trips%s' % 2", "/bd-fs-mnt/trips2"),
        ("x = '/bd-fs-mnt/trips{}'.format(2)", "/bd-fs-mnt/trips2"),
        ("x = '/bd-fs-mnt/trips~old'", "/bd-fs-mnt/trips~old"),
        ("x = '/bd-fs-mnt/' + 300 * 'a' + '/b'", "/bd-fs-mnt/" + 300 * "a" + "/b"),
        (f"x = '/bd-fs-mnt/{300 * 'a'}/b'", f"/bd-fs-mnt/{300 * 'a'}/b"),
        ('x = \'{\\n"at": "/bd-fs-mnt/trips/a"}\'', '{{\n"at": "{root}/mnt/trips/a"}}'),
        ("x = f'/bd-fs-mnt/project_repo{name}'", "{root}taxi"),
        ("x = '/bd-fs-mnt/project_repo%s' % '/a'", "{root}/a"),
        ("x = '/bd-fs-mnt/project_repo{}'.format('/a')", "{root}/a"),
        ("x = '/bd-fs-mnt/project_repo*'", "{root}*"),
        ("x = 'cp /bd-fs-mnt/trips/a .\\nls'", "cp {root}/mnt/trips/a .\nls"),
    ],
)
def test_other_mounts_and_buckets_are_folders_of_the_repository(
    source: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "mnt" / "trips").mkdir(parents=True)
    (tmp_path / "s3" / "models.v2").mkdir(parents=True)
    assert value(source, tmp_path) == expected.format(root=tmp_path)


def test_line_numbers_stay() -> None:
    source = "y = '/bd-fs-mnt/project_repo'\n\n\nx = 1 / 0\n"
    with pytest.raises(ZeroDivisionError) as caught:
        value(source)
    assert caught.traceback[-1].lineno == 3  # counted from 0


def test_a_syntax_error_is_the_sources_own() -> None:
    with pytest.raises(SyntaxError) as caught:
        compile_localized("x = '/bd-fs-mnt/project_repo'\n(", "cell", ROOT)
    assert (caught.value.filename, caught.value.lineno) == ("cell", 2)
