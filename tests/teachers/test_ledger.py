"""The ledger survives a torn end, a damaged line and a full disk, and loses nothing else."""

import json
import os
import subprocess
import sys
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from omi2.errors import Omi2Error
from omi2.teachers import Completion, ledger, sealed
from omi2.teachers.ledger import Ledger
from omi2.teachers.shelf import OPEN, Shelf
from omi2.teachers.transport import pause_of, whole

SAID = Completion('two\nlines \u2028 and é "quoted" \\', "stop", 3, "m")


def key(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}{number:024x}"


def filled(path: Path, count: int = 3) -> Path:
    with Ledger(path) as book:
        for number in range(count):
            book.add(key(number), SAID)
    return path


def held(path: Path, count: int = 3) -> list[int]:
    with Ledger(path) as book:
        found = [n for n in range(count) if book.get(key(n)) is not None]
        assert {book.get(key(n)) for n in found} <= {SAID}
        assert len(book) == len(found)
        return found


def test_what_is_written_is_read_at_once_and_later(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as book:
        assert book.get(key(0)) is None
        book.add(key(0), SAID)
        assert book.get(key(0)) == SAID
    assert held(tmp_path / "l", 2) == [0]


def test_a_line_is_json_with_a_checksum(tmp_path: Path) -> None:
    line = filled(tmp_path / "l", 1).read_text().rstrip("\n")
    entry = json.loads(line[17:])
    assert entry.pop("key") == key(0)
    assert Completion(**entry) == SAID


def test_many_lines_are_found_across_the_sorted_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "RECENT", 7)
    with Ledger(tmp_path / "l") as book:
        for n in range(100):
            book.add(key(n), SAID)
            assert book.get(key(n)) == SAID
            assert book.get(key(n // 2)) == SAID
            assert book.get(key(n + 1)) is None
    assert held(tmp_path / "l", 101) == list(range(100))


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_cut_off_and_writing_goes_on(tmp_path: Path, cut: int) -> None:
    path = filled(tmp_path / "l")
    path.write_bytes(path.read_bytes()[:-cut])
    with Ledger(path) as book:
        assert [book.get(key(n)) for n in range(3)] == [SAID, SAID, None]
        book.add(key(2), SAID)
    assert held(path) == [0, 1, 2]


def test_every_torn_tail_is_repaired(tmp_path: Path) -> None:
    whole = filled(tmp_path / "l").read_bytes()
    for end in range(len(whole)):
        path = tmp_path / "torn"
        path.write_bytes(whole[:end])
        assert held(path) == list(range(whole[:end].count(b"\n")))
        left = path.read_bytes() if path.exists() else b""  # one of no lines is taken away
        assert left == whole[: whole[:end].rfind(b"\n") + 1]


def test_a_damaged_line_counts_as_not_recorded(tmp_path: Path) -> None:
    path = filled(tmp_path / "l")
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"stop", b"spot")
    path.write_bytes(b"\n".join(lines))
    assert held(path) == [0, 2]


def test_a_line_damaged_after_it_was_opened_is_not_believed(tmp_path: Path) -> None:
    path = filled(tmp_path / "l")
    with Ledger(path) as book:
        path.write_bytes(path.read_bytes().replace(b"lines", b"limes"))
        assert [book.get(key(n)) for n in range(3)] == [None] * 3


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l"), pytest.raises(Omi2Error, match="another run is writing"):
        Ledger(tmp_path / "l")
    assert held(tmp_path / "l", 0) == []


FULL = """
import resource, signal, sys
from pathlib import Path
from omi2.teachers import Completion
from omi2.teachers.ledger import Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Ledger(Path(sys.argv[1])) as book:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    for n in range(100):
        try:
            book.add(f"{n:032x}", Completion("x" * 100, "stop", 1, "m"))
        except OSError as error:
            assert error.filename == sys.argv[1], error.filename
            print(n)
            break
"""


def test_a_full_disk_is_said_and_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "l"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    count = int(done.stdout)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == count > 2
    assert all(line.endswith(b"}\n") for line in lines)


def test_an_entry_costs_few_bytes_of_memory(tmp_path: Path) -> None:
    path = filled(tmp_path / "l", 20_000)
    tracemalloc.start()
    with Ledger(path) as book:
        held_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(book) == 20_000
    assert held_bytes < 20_000 * 20


def test_few_ledgers_are_open_and_those_in_use_stay(tmp_path: Path) -> None:
    with Shelf(lambda part: tmp_path / str(part)) as shelf:
        shelf.hold(0)
        for part in range(OPEN + 20):
            shelf.add(part, key(part), SAID)
            assert len(shelf._open) <= OPEN + 1
        assert 0 in shelf._open
        shelf.release(0)
        assert [shelf.look(p, key(p)) for p in range(OPEN + 20)] == [SAID] * (OPEN + 20)
        assert len(shelf._open) <= OPEN


def test_syncing_and_opening_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with Shelf(lambda part: tmp_path / str(part)) as shelf:
        ended = threading.Event()

        def sync() -> None:
            while not ended.is_set():
                shelf.sync()

        syncing = threading.Thread(target=sync, daemon=True)
        syncing.start()
        for n in range(1_500):
            shelf.add(n % 40, key(n), SAID)
        ended.set()
        syncing.join(10)
        assert not syncing.is_alive()
        assert all(shelf.look(n % 40, key(n)) == SAID for n in range(1_500))


def test_a_seed_of_a_group_is_kept(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as book:
        book.add(key(0), replace(SAID, seed=77))
    with Ledger(tmp_path / "l") as book:
        assert book.get(key(0)) == replace(SAID, seed=77)
        book.seal()
    with Ledger(tmp_path / "l") as book:
        assert book.get(key(0)) == replace(SAID, seed=77)


def test_a_sealed_ledger_holds_the_same_in_less_and_the_lines_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "GROUP", 7)
    path = filled(tmp_path / "l", 50)
    with Ledger(path) as book:
        book.seal(key(n) for n in range(0, 50, 2))
    assert [p.name for p in tmp_path.iterdir()] == ["l.parquet"]
    assert held(path, 51) == list(range(50))
    order = [n for n, _ in sealed.Sealed(sealed.path_of(path))]
    assert order == [key(n) for n in (*range(0, 50, 2), *range(1, 50, 2))]


def test_a_sealed_ledger_is_small(tmp_path: Path) -> None:
    path = filled(tmp_path / "l", 3_000)
    size = path.stat().st_size
    with Ledger(path) as book:
        book.seal()
    assert sealed.path_of(path).stat().st_size < size / 3


def test_a_sealed_ledger_can_be_written_again_and_sealed_again(tmp_path: Path) -> None:
    path = filled(tmp_path / "l", 3)
    with Ledger(path) as book:
        book.seal()
    with Ledger(path) as book:
        book.add(key(3), SAID)
        assert [book.get(key(n)) for n in range(5)] == [SAID] * 4 + [None]
    assert held(path, 4) == [0, 1, 2, 3]
    with Ledger(path) as book:
        book.seal([key(3), key(99)])
    assert not path.exists()
    assert held(path, 4) == [0, 1, 2, 3]


@pytest.mark.parametrize("when", ["before the rename", "after the rename", "before the lines go"])
def test_a_kill_while_sealing_loses_and_doubles_nothing(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    real = os.replace

    def dying(source: Path, target: Path) -> None:
        if when == "after the rename":
            real(source, target)
        raise Killed

    def no_cut(*_: object) -> None:
        raise Killed

    path = filled(tmp_path / "l", 20)
    target = "ftruncate" if when == "before the lines go" else "replace"
    monkeypatch.setattr(os, target, no_cut if target == "ftruncate" else dying)
    book = Ledger(path)
    with pytest.raises(Killed):
        book.seal()
    monkeypatch.undo()
    book.close()
    with Ledger(path) as book:
        assert all(book.get(key(n)) == SAID for n in range(20))
        book.seal()
    assert held(path, 20) == list(range(20))
    assert len(list(sealed.Sealed(sealed.path_of(path)))) == 20


@pytest.mark.parametrize("damage", ["a page", "the end", "all of it"])
def test_a_damaged_sealed_ledger_is_said_and_never_taken_for_empty(
    damage: str, tmp_path: Path
) -> None:
    path = filled(tmp_path / "l", 200)
    with Ledger(path) as book:
        book.seal()
    file = sealed.path_of(path)
    data = bytearray(file.read_bytes())
    if damage == "a page":
        data[len(data) // 3] ^= 0xFF
    file.write_bytes({"a page": data, "the end": data[:-50], "all of it": b""}[damage])
    with pytest.raises(Omi2Error, match=r"l\.parquet is damaged.*delete it"):
        held(path, 200)


def test_a_second_run_on_a_sealed_ledger_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "l")
    with Ledger(path) as book:
        book.seal()
    with Ledger(path), pytest.raises(Omi2Error, match="another run is writing"):
        Ledger(path)


def test_half_a_character_pair_is_kept_in_a_line_and_replaced_in_a_sealed_file(
    tmp_path: Path,
) -> None:
    odd = replace(SAID, finish_reason="\ud800")
    with Ledger(tmp_path / "l") as book:
        book.add(key(0), odd)
        assert book.get(key(0)) == odd
        book.seal()
    with Ledger(tmp_path / "l") as book:
        assert book.get(key(0)) == replace(SAID, finish_reason="?")


def test_a_part_without_an_answer_can_be_sealed(tmp_path: Path) -> None:
    with Shelf(lambda part: tmp_path / str(part)) as shelf:
        assert shelf.look(0, "0" * 32) is None
        shelf.seal(0)


def test_a_count_beyond_belief_fits_a_column(tmp_path: Path) -> None:
    assert whole(2**63) == whole("9" * 400) == 2**31 - 1
    assert whole(-1) == whole("many") == whole(float("inf")) == 0


@pytest.mark.parametrize(("told", "seconds"), [("nan", 0.0), ("-5", 0.0), ("3", 3.0)])
def test_a_pause_is_a_number(told: str, seconds: float) -> None:
    assert pause_of({"retry-after": told}) == seconds
