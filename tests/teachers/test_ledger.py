"""The ledger survives a torn end and a damaged line, and loses nothing else."""

from pathlib import Path

import pytest

from omi2.teachers import Completion
from omi2.teachers.ledger import Ledger

SAID = Completion("two\nlines \u2028 and é", "stop", 3, "m")


def filled(path: Path) -> Path:
    with Ledger(path) as ledger:
        for number in range(3):
            ledger.add(f"key{number}", SAID)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with Ledger(filled(tmp_path / "l")) as ledger:
        assert ledger.recorded == {f"key{n}": SAID for n in range(3)}


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_cut_off_and_writing_goes_on(tmp_path: Path, cut: int) -> None:
    path = filled(tmp_path / "l")
    path.write_bytes(path.read_bytes()[:-cut])
    with Ledger(path) as ledger:
        assert sorted(ledger.recorded) == ["key0", "key1"]
        ledger.add("key2", SAID)
    with Ledger(path) as ledger:
        assert sorted(ledger.recorded) == ["key0", "key1", "key2"]


def test_a_damaged_line_counts_as_not_recorded(tmp_path: Path) -> None:
    path = filled(tmp_path / "l")
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"stop", b"spot")
    path.write_bytes(b"\n".join(lines))
    with Ledger(path) as ledger:
        assert sorted(ledger.recorded) == ["key0", "key2"]
