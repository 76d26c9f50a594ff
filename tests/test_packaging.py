"""The package as people install it: nothing is missing, and a folder ./omi2 does not hide it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT

CHECK = "import omi2.rows, omi2.card; print(omi2.rows.__file__); print(omi2.card.CARDS)"


def python(folder: Path, *arguments: str, **environment: str) -> str:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A working directory that holds a release, ./omi2."""
    (tmp_path / "omi2" / "data").mkdir(parents=True)
    (tmp_path / "omi2" / "manifest.json").write_text("{}")
    return tmp_path


def test_the_package_wins_over_a_folder_of_data(data: Path) -> None:
    assert Path(python(data, "-c", CHECK).split()[0]).parent == ROOT / "builder" / "omi2"
    assert "Usage: omi2" in python(data, "-m", "omi2", "--help")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    python(ROOT, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), ".")
    return next(folder.glob("*.whl"))


@pytest.mark.timeout(300)
def test_the_wheel_holds_every_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "builder/omi2", "omi2_hub", "cards"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(tracked) > 50
    for name in tracked:
        installed = name.removeprefix("builder/").replace("cards/", "omi2/cards/", 1)
        assert installed in inside, f"{name} is not in the wheel"


@pytest.mark.timeout(300)
def test_the_wheel_works_beside_data(wheel: Path, data: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    found = python(
        data, "-S", "-c", f"import sys; sys.path[1:1] = {[str(site), *_site()]!r}; {CHECK}"
    )
    rows, cards = found.split()
    assert Path(rows) == site / "omi2" / "rows.py"
    assert Path(cards) == site / "omi2" / "cards"


def _site() -> list[str]:
    return [p for p in sys.path if p.endswith("site-packages")]


def test_the_package_holds_nothing_that_loads_as_data() -> None:
    endings = {".json", ".jsonl", ".csv", ".txt", ".parquet"}
    found = [p for p in (ROOT / "builder" / "omi2").rglob("*") if p.suffix in endings]
    assert found == []
    assert not (ROOT / "builder" / "omi2" / "omi2.py").exists()


def test_nothing_of_this_machine_is_committed() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    marks = [ROOT.parent.as_posix() + "/", "/home/", "pythonhosted", "npmjs.org"]
    for name in tracked:
        path = ROOT / name
        if path.suffix not in (".npz", ".png") and path.name != Path(__file__).name:
            text = path.read_text(encoding="utf-8")
            assert not [mark for mark in marks if mark in text], name
