"""The limit on a pair is CPU time: a loaded, stopped or killed worker changes no verdict."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omi2.answers import compare, compare_many, pool
from omi2.answers.compare import _asked
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Verdict
from omi2.errors import Omi2Error

PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
ENDLESS = (r"\sum_{n=1}^{10^9} \frac{1}{n^3+1}", r"\prod_{n=1}^{10^9} \frac{n^5+1}{n^5+2}")


def easy(count: int) -> list[tuple[str, str]]:
    """Pairs for a worker, each of some tens of milliseconds."""
    return [(rf"\sum_{{k=1}}^{{{n}}} k", rf"\sum_{{k=1}}^{{{n}}} k \cdot 1") for n in range(count)]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """One warm worker at most (its start is what these tests take longest for), and no memory."""
    while len(pool.idle) > 1:
        pool.idle.pop().stop()
    pool.forget()
    _asked.clear()


LIGHT = """\
from omi2.answers import worker
def verdict(a, b):
    while "10^9" in a:
        pass
    return "equal"
worker._verdict = verdict
worker.main()
"""
"""The worker program without its library, which takes a second to load: its own protocol and
limits, but it never ends with ENDLESS and calls all else equal."""


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pool.close()
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, "-c", LIGHT))
    yield
    pool.close()


@pytest.fixture
def hired(monkeypatch: pytest.MonkeyPatch) -> list[pool.Worker]:
    """The warm worker, if there is one, and every worker that is started from here on."""
    workers = [worker for worker in pool.idle if worker.process.poll() is None]
    start = pool.Worker.__init__

    def started(self: pool.Worker) -> None:
        start(self)
        workers.append(self)

    monkeypatch.setattr(pool.Worker, "__init__", started)
    return workers


def later(seconds: float, work: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, work)
    timer.start()
    return timer


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    """Processes that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@PROC
@pytest.mark.timeout(300)
def test_a_loaded_machine_gives_the_same_verdicts() -> None:
    """A worker that is niced away among busy loops takes many times its limit by the clock."""
    pairs = easy(4)[1:]
    limit = 0.3
    assert compare(*easy(1)[0]) is EQUAL
    wanted = compare_many(pairs, workers=1, timeout=limit)
    assert wanted == [EQUAL] * len(pairs)
    _asked.clear()
    (worker,) = pool.idle
    with load(2 * (os.cpu_count() or 1)):
        os.setpriority(os.PRIO_PROCESS, worker.process.pid, 19)
        assert compare_many(pairs, workers=1, timeout=limit) == wanted
    assert pool.idle == [worker]
    pool.close()  # it stays niced away


@PROC
@pytest.mark.timeout(120)
def test_a_worker_that_is_stopped_for_a_while_is_waited_for(hired: list[pool.Worker]) -> None:
    assert compare(*easy(1)[0]) is EQUAL
    (worker,) = hired
    os.kill(worker.process.pid, signal.SIGSTOP)
    limit = 0.3
    timer = later(4 * limit, lambda: os.kill(worker.process.pid, signal.SIGCONT))
    began = time.monotonic()
    assert compare(*easy(2)[1], timeout=limit) is EQUAL
    assert time.monotonic() - began >= 3 * limit
    timer.join()
    assert hired == [worker]


@pytest.mark.usefixtures("light")
@PROC
@pytest.mark.timeout(120)
def test_a_worker_that_stays_stopped_is_replaced(
    hired: list[pool.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compare(*easy(1)[0]) is EQUAL
    monkeypatch.setattr(pool, "LEAST_PATIENCE", 0.3)
    monkeypatch.setattr(pool, "PATIENCE", 0)
    os.kill(hired[0].process.pid, signal.SIGSTOP)
    with pytest.raises(pool.Lost):
        hired[0].ask(easy(2)[1], 2.0)
    assert hired[0].process.poll() == -signal.SIGKILL


@pytest.mark.usefixtures("light")
@PROC
@pytest.mark.timeout(120)
def test_a_worker_killed_in_the_middle_is_replaced_and_the_pair_is_asked_again(
    hired: list[pool.Worker],
) -> None:
    assert compare(*easy(1)[0]) is EQUAL
    slow = ENDLESS
    timer = later(0.2, hired[0].process.kill)
    assert pool.ask([slow, easy(2)[1]], 1, 0.5) == [None, EQUAL]
    timer.join()
    assert hired[0].process.poll() == -signal.SIGKILL
    assert len(hired) == 3  # killed; out of time; the one that lives
    assert pool.idle == [hired[2]]


@pytest.mark.usefixtures("light")
@PROC
@pytest.mark.timeout(120)
def test_workers_killed_over_and_over_are_an_error_and_no_verdict(
    hired: list[pool.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = pool.Worker.ask

    def killed(self: pool.Worker, pair: tuple[str, str], limit: float) -> Verdict | None:
        if pair != ("1", "1"):
            later(0.05, self.process.kill)
        return ask(self, pair, limit)

    monkeypatch.setattr(pool.Worker, "ask", killed)
    with pytest.raises(Omi2Error, match="3 answer workers in a row were killed"):
        compare(*ENDLESS, timeout=20)
    assert len(hired) == pool.TRIES
    assert all(worker.process.poll() is not None for worker in hired)
    assert not _asked


@pytest.mark.usefixtures("light")
@PROC
def test_a_worker_that_crashes_over_a_pair_says_unknown(hired: list[pool.Worker]) -> None:
    assert compare(*easy(1)[0]) is EQUAL
    timer = later(0.2, lambda: os.kill(hired[0].process.pid, signal.SIGSEGV))
    assert compare(*ENDLESS, timeout=20) is UNKNOWN
    timer.join()
    assert hired[0].process.poll() == -signal.SIGSEGV
    assert len(hired) == 1


@pytest.mark.usefixtures("light")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("proc", [True, False], ids=["watched", "by-its-own-limit"])
def test_the_limit_holds_with_and_without_proc(
    proc: bool, hired: list[pool.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not proc:
        monkeypatch.setattr(pool, "cpu_seconds", lambda pid: None)
    assert compare(*easy(1)[0]) is EQUAL
    before = os.times()
    assert compare(*ENDLESS, timeout=0.5) is UNKNOWN
    spent = sum(os.times()[2:4]) - sum(before[2:4])  # of children that ended
    code = (
        -signal.SIGKILL if proc and pool.cpu_seconds(os.getpid()) is not None else -signal.SIGXCPU
    )
    assert hired[0].process.poll() == code
    assert spent < 30


@PROC
def test_cpu_seconds_are_those_of_the_process() -> None:
    before = pool.cpu_seconds(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass
    after = pool.cpu_seconds(os.getpid())
    assert before is not None
    assert after is not None
    assert 0.15 <= after - before <= 2.0
    time.sleep(0.3)
    rested = pool.cpu_seconds(os.getpid())
    assert rested is not None
    assert rested - after < 0.2
    assert pool.cpu_seconds(2**22 + 1) is None


def test_it_ends_with_its_process_and_leaves_no_worker(tmp_path: Path) -> None:
    """However the program is given to Python; and a worker that is busy ends, too."""
    script = (
        "from omi2.answers import compare_many, pool\n"
        f"print(*[v.name for v in compare_many({easy(1)!r} * 2 + [('1', '2')], timeout=20)])\n"
        "print(*[worker.process.pid for worker in pool.idle])\n"
    )
    file = tmp_path / "script.py"
    file.write_text(script)
    for command, given in (
        (["-c", script], None),
        (["-"], script),
        ([str(file)], None),
        (["-i", "-q"], f"{script}\n"),  # line by line, as a notebook does
    ):
        done = subprocess.run(
            [sys.executable, *command],
            input=given,
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        verdicts, workers = done.stdout.splitlines()
        assert verdicts == "EQUAL EQUAL DIFFERENT"
        assert "-i" in command or done.stderr == ""
        assert workers
        for pid in workers.split():
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid), 0)


def test_what_lies_in_the_working_directory_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit")
    (tmp_path / "omi2").mkdir()
    monkeypatch.chdir(tmp_path)
    assert compare(*easy(1)[0]) is EQUAL


@PROC
@pytest.mark.timeout(120)
def test_a_killed_program_leaves_no_worker_behind() -> None:
    """Not even a busy one: its own limit ends it."""
    script = (
        "import sys, threading, time\n"
        "from omi2.answers import compare, pool\n"
        f"pool.COMMAND = (sys.executable, '-c', {LIGHT!r})\n"
        f"compare(*{easy(1)[0]!r}, timeout=20)\n"
        "print(pool.idle[0].process.pid, flush=True)\n"
        f"compare(*{ENDLESS!r}, timeout=0.1)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    worker = int(program.stdout.readline())
    time.sleep(0.05)
    program.kill()
    program.wait()
    program.stdout.close()
    for _ in range(600):
        spent = pool.cpu_seconds(worker)
        if spent is None or Path(f"/proc/{worker}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail(f"the worker {worker} lives on")


GARBAGE = (
    "'maybe'",
    '"equal" "equal"',
    '{"verdict": "equal"}',
    "x" * 100_000,
    '"equal"\\n"equal"',
    "1",
)


@pytest.mark.parametrize("reply", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_verdict_is_not_believed(reply: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a worker that says more than one: its next answer would be for the wrong pair."""
    program = (
        "import sys\n"
        "for at, line in enumerate(sys.stdin):\n"
        f"    print('\"equal\"' if at == 0 else {reply!r}.encode().decode('unicode_escape'))\n"
        "    sys.stdout.flush()\n"
    )
    pool.close()
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, "-c", program))
    assert pool.ask([easy(2)[1]], 1, 5.0) == [None]
    assert pool.idle == []


def test_what_a_library_prints_stays_out_of_the_way() -> None:
    """On either stream, by Python or below it; the verdict is the worker's alone."""
    script = (
        "import os, sys\n"
        "from omi2.answers import worker\n"
        "def parse(answer):\n"
        "    print('\"different\"', flush=True); print('noise', file=sys.stderr)\n"
        "    os.write(1, b'\"different\"\\n'); os.system('echo more')\n"
        "    return [answer]\n"
        "worker._parse, worker._verify = parse, lambda a, b: True\n"
        "worker.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input='["1", "1"]\n["1", "1"]\n',
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == '"equal"\n"equal"\n'


@PROC
@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("raise RuntimeError('x')", 1),
        ("sys.exit(3)", 3),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
    ],
    ids=["exception", "exit", "Ctrl-C"],
)
def test_no_worker_outlives_its_program(ending: str, code: int) -> None:
    """However it ends, and though another thread has a worker at work."""
    script = (
        "import os, signal, sys, threading, time\n"
        "from omi2.answers import compare, pool\n"
        f"pool.COMMAND = (sys.executable, '-c', {LIGHT!r})\n"
        f"compare(*{easy(1)[0]!r}, timeout=20)\n"
        "print(pool.idle[0].process.pid, flush=True)\n"
        f"threading.Thread(target=compare, args={ENDLESS!r}, kwargs=dict(timeout=0.3)).start()\n"
        "time.sleep(0.1)\n"
        f"{ending}\n"
    )
    program = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert program.returncode == code
    with pytest.raises(ProcessLookupError):
        os.kill(int(program.stdout), 0)


def test_different_and_unknown_are_told_apart() -> None:
    assert compare_many([("1", "2"), ("at least 5", "5")]) == [DIFFERENT, UNKNOWN]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel counts memory otherwise")
@pytest.mark.parametrize(("megabytes", "wanted"), [(300, '"equal"'), (600, '"unknown"')])
def test_a_worker_cannot_take_more_memory_than_promised(megabytes: int, wanted: str) -> None:
    """Whatever wants more gets a MemoryError, and the pair is UNKNOWN; the worker lives on."""
    script = (
        "from omi2.answers import worker\n"
        "def parse(answer):\n"
        "    return [len(bytes(int(answer) << 20).replace(b'0', b'1'))]\n"
        "worker._parse, worker._verify = parse, lambda a, b: True\n"
        "worker.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=f'["{megabytes}", "1"]\n["1", "1"]\n',
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [wanted, '"equal"']
