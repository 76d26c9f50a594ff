"""Comparing answers: three verdicts, both ways round, hostile pairs, and workers that die."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from omi2.answers import compare as compare_answers
from omi2.answers import compare_many, extract, grade, grader
from omi2.answers.compare import Verdict, _asked, quick
from omi2.answers.policy import Policy
from omi2.answers.pool import close, idle

EQUAL, DIFFERENT, UNKNOWN = Verdict.EQUAL, Verdict.DIFFERENT, Verdict.UNKNOWN
HARD = (r"\sum_{n=1}^{10^9} \frac{1}{n^3+1}", r"\prod_{n=1}^{10^9} \frac{n^5+1}{n^5+2}")
"""What only a worker can look at, and that takes it for ever."""
ASKED = (r"\sum_{k=1}^{3} k", r"\sum_{k=1}^{3} k \cdot 1")
ASKED_TOO = (r"\sum_{k=1}^{4} k", r"\sum_{k=1}^{4} k \cdot 1")
"""What a worker is asked, and knows."""
PATIENCE = 30.0  # seconds for a pair that is easy, on a machine that is busy


def compare(a: str, b: str, timeout: float = PATIENCE) -> Verdict:
    return compare_answers(a, b, timeout)


@pytest.fixture
def _no_idle_workers() -> None:
    """None but a warm one, whose start is what takes longest."""
    while len(idle) > 1:
        idle.pop().stop()
    _asked.clear()


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        # without a worker: keys and plain numbers
        ("1/2", "0.5", EQUAL),
        ("$1,000$", "1000.0", EQUAL),
        ("-0", "0", EQUAL),
        ("10", "11", DIFFERENT),
        ("-5", "5", DIFFERENT),
        ("1/3", "0.333", DIFFERENT),
        ("1/3", "0.3333333", EQUAL),  # seven digits say that it was rounded; see Policy.rounded
        ("1/3", "0.3334", DIFFERENT),
        ("2", "2.0000001", DIFFERENT),
        # mathematics
        ("x+1", "1+x", EQUAL),
        ("(x+1)^2", "x^2+2x+1", EQUAL),
        (r"\sqrt{8}", r"2\sqrt{2}", EQUAL),
        (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}", EQUAL),
        ("2^{10}", "1024", EQUAL),
        ("2^{10}", "1000", DIFFERENT),
        (r"\sin^2 x+\cos^2 x", "1", EQUAL),
        (r"\sin(x)", r"\cos(x)", DIFFERENT),
        (r"\pi", "3.14", DIFFERENT),
        ("x", "y", DIFFERENT),
        (r"\infty", r"-\infty", DIFFERENT),
        ("2+3i", "3i+2", EQUAL),
        ("2+3i", "2-3i", DIFFERENT),
        # sets, tuples, intervals, matrices
        (r"\{1,2\}", r"\{2,1\}", EQUAL),
        (r"\{1,2\}", r"\{1,3\}", DIFFERENT),
        ("(1,2)", "(2,1)", DIFFERENT),
        (r"(\frac{1}{2},2)", "(0.5,2)", EQUAL),
        ("[1,2]", "(1,2)", DIFFERENT),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", EQUAL),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}", DIFFERENT),
        # relations
        ("x=5", "5", EQUAL),
        ("x<5", "5>x", EQUAL),
        ("x<5", "x>5", DIFFERENT),
        ("y=2x+1", "y=1+2x", EQUAL),
        # words
        (r"\text{yes}", "yes", EQUAL),
        ("yes", "no", DIFFERENT),
        ("A", "B", DIFFERENT),
        (r"\text{(A)}", "A", EQUAL),
        ("Monday", "Tuesday", DIFFERENT),
        # mixed numbers, other scripts, ellipses, words: each was wrong once
        ("1 1/2", "3/2", EQUAL),
        ("1 1/2", "11/2", DIFFERENT),
        ("-1 1/2", "-1.5", EQUAL),
        ("1½", "11/2", DIFFERENT),
        ("1½", "3/2", EQUAL),
        ("2⅐", "15/7", EQUAL),
        ("5²", "25", EQUAL),
        ("5²", "52", DIFFERENT),
        ("x²", "x^2", EQUAL),
        ("x²", "x2", DIFFERENT),
        ("½", "0.5", EQUAL),
        ("1, 234", "1234", DIFFERENT),
        ("1, 234", "234, 1", EQUAL),
        ("1,234", "1234", EQUAL),
        ("0.333...", "1/3", EQUAL),
        ("0.333...", "0.333", DIFFERENT),
        ("0.1666…", "1/6", EQUAL),
        (r"0.1212\ldots", "4/33", EQUAL),
        ("2.718281828...", "e", EQUAL),
        ("1.4422...", r"\sqrt[3]{3}", EQUAL),
        ("0.999...", "1", EQUAL),
        ("1e3", "1000", EQUAL),
        ("1e3", "e^3", DIFFERENT),
        ("i^2", "-1", EQUAL),
        ("260", "260 sheep", EQUAL),
        ("tom", "mot", UNKNOWN),
        ("ABC", "CAB", UNKNOWN),
        ("xyz", "zyx", EQUAL),
        # not known
        ("", "", UNKNOWN),
        ("$ $", "", UNKNOWN),
        (r"\text{}", r"\text{}", UNKNOWN),
        ("1/0", "5", UNKNOWN),
        ("", "5", UNKNOWN),
        ("at least 5", "5", UNKNOWN),
        ("7 apples", "7 oranges", UNKNOWN),
        ("9^{9^{9^9}}", "7", UNKNOWN),
    ],
)
def test_compare_is_right_both_ways_round(a: str, b: str, wanted: Verdict) -> None:
    assert compare(a, b) is wanted
    assert compare(b, a) is wanted


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ("1/2", "0.5", EQUAL),
        ("1", "2", DIFFERENT),
        ("x", "y", DIFFERENT),
        ("x+1", "1+x", EQUAL),
        ("1/0", "5", UNKNOWN),
        (*HARD, None),  # a worker may know
    ],
)
def test_quick_asks_a_worker_for_little(a: str, b: str, wanted: Verdict | None) -> None:
    assert quick(a, b) is wanted


def test_compare_many_keeps_the_order() -> None:
    pairs = [("x+1", "1+x"), ("1", "2"), ("", "5"), ("1+x", "x+1"), ("x", "y"), ("3", "3.0")]
    wanted = [EQUAL, DIFFERENT, UNKNOWN, EQUAL, DIFFERENT, EQUAL]
    assert compare_many(pairs, workers=2, timeout=PATIENCE) == wanted
    assert compare_many([]) == []


@pytest.mark.parametrize(
    ("text", "mode", "wanted"),
    [
        (r"so \boxed{0.5}.", "strict", EQUAL),
        (r"so \boxed{0.25}.", "strict", DIFFERENT),
        ("so 0.5", "strict", UNKNOWN),  # nothing stated
        ("so 0.5", "relaxed", EQUAL),
    ],
)
def test_grade(text: str, mode: str, wanted: Verdict) -> None:
    assert grade(text, r"\frac{1}{2}", mode) is wanted


def test_the_grader_names_a_version() -> None:
    assert grader().startswith("omi2-answers@4+math-verify@0.9")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "attack",
    [
        "9^9^9^9",
        "9^{9^{9^{9}}}",
        "10^(10^10)",
        "10^{10^{10}}",
        "1000000!",
        "x^{100000000}-(x+1)^{100000}",
        "{" * 5000 + "1" + "}" * 5000,
        "(" * 3000 + "1" + ")" * 3000,
        r"\frac{" * 1000 + "1" + "}{2}" * 1000,
        r"\sum_{n=1}^{1000000000} \frac{1}{n^3}",
        "1+" * 500_000 + "1",
        "1" * 1_000_000,
        "x" * 1_000_000,
        "\x00",
        "1\x002",
        "\ud800",
        "\n",
        "",
        "} \\boxed{",
        "\u202e5",
    ],
    ids=lambda attack: ascii(attack[:20]),
)
def test_a_hostile_answer_ends_in_time_and_is_not_taken_for_equal(attack: str) -> None:
    assert compare_answers(attack, "7", timeout=0.3) in (DIFFERENT, UNKNOWN)


@pytest.mark.parametrize(
    "attack",
    [
        "__import__('os').system('touch PATH')",
        "__import__(chr(111)+chr(115)).system('touch PATH')",
        r"\text{__import__('os').system('touch PATH')}",
        "open('PATH', 'w')",
        "[open('PATH', 'w') for x in ().__class__.__base__.__subclasses__()]",
        r"\write18{touch PATH}",
        "$(touch PATH) `touch PATH` ; touch PATH",
    ],
)
def test_code_in_an_answer_is_not_run(attack: str, tmp_path: Path) -> None:
    target = tmp_path / "made"
    assert compare(attack.replace("PATH", str(target)), "5") is not EQUAL
    assert not target.exists()


@pytest.mark.usefixtures("_no_idle_workers")
def test_a_worker_that_takes_too_long_is_replaced() -> None:
    assert compare(*ASKED) is EQUAL
    (slow,) = idle
    assert compare(*HARD, timeout=0.01) is UNKNOWN
    assert slow.process.poll() is not None
    assert compare(*ASKED_TOO) is EQUAL
    assert idle[0].process.pid != slow.process.pid


@pytest.mark.usefixtures("_no_idle_workers")
def test_a_hard_pair_leaves_the_others_their_verdicts() -> None:
    pairs = [ASKED, HARD, ("x", "y"), ASKED_TOO]
    assert compare_many(pairs, workers=1, timeout=1) == [EQUAL, UNKNOWN, DIFFERENT, EQUAL]


@pytest.mark.usefixtures("_no_idle_workers")
def test_a_verdict_that_took_too_long_is_asked_for_again() -> None:
    assert compare(*ASKED) is EQUAL
    assert compare(*HARD, timeout=0.01) is UNKNOWN
    assert len(_asked) == 1  # what a worker said is remembered; that it said nothing is not


@pytest.mark.usefixtures("_no_idle_workers")
def test_a_worker_that_was_killed_is_replaced() -> None:
    assert compare(*ASKED) is EQUAL
    idle[0].process.kill()
    idle[0].process.wait()
    assert compare(*ASKED_TOO) is EQUAL


@pytest.mark.usefixtures("_no_idle_workers")
def test_close_ends_the_workers() -> None:
    assert compare_many([ASKED, ASKED_TOO], workers=2, timeout=PATIENCE) == [EQUAL, EQUAL]
    workers = list(idle)
    assert workers
    assert all(worker.process.poll() is None for worker in workers)
    close()
    assert all(worker.process.poll() is not None for worker in workers)
    assert idle == []


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="reads /proc")
@pytest.mark.usefixtures("_no_idle_workers")
def test_a_worker_has_a_limit_on_its_memory() -> None:
    assert compare(*ASKED) is EQUAL
    limits = Path(f"/proc/{idle[0].process.pid}/limits").read_text("ascii").splitlines()
    most = {line[:25].strip(): line[25:].split()[0] for line in limits}
    assert int(most["Max data size"]) == 512 * 2**20
    assert int(most["Max address space"]) <= 2**31


@pytest.mark.usefixtures("_no_idle_workers")
def test_a_forked_child_does_not_use_its_parents_workers() -> None:
    assert compare(*ASKED) is EQUAL
    code = os.fork()
    if code == 0:
        os._exit(0 if not idle else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(code, 0)[1]) == 0
    assert idle


def test_it_works_outside_the_main_thread() -> None:
    found: list[Verdict] = []

    def work() -> None:
        found.extend([compare(*ASKED), compare("x", "y"), compare(*HARD, timeout=0.01)])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(v.value for v in found) == ["different"] * 2 + ["equal"] * 2 + ["unknown"] * 2


def test_the_worker_by_itself() -> None:
    pairs = [["\\frac{1}{2}", "0.5"], ["x", "y"], ["", "1"], ["\ud800", "5"], ["2", "1+1"]]
    done = subprocess.run(
        [sys.executable, "-m", "omi2.answers.worker"],
        input="".join(json.dumps(pair) + "\n" for pair in pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert verdicts == ["equal", "different", "unknown", "unknown", "equal"]


@pytest.mark.shared
@pytest.mark.timeout(300)
def test_labelled_pairs(shared_data: Path) -> None:
    """713 pairs: 98.3% as labelled, 93.4% of the bare ones; what is missed needs the problem, is
    a matter of policy, or is a slip of the label (see tests/bench/answers.py --show)."""
    lines = (shared_data / "labelled" / "answer_pairs.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 713
    answers = [
        extract(row["prediction"], "relaxed") if row["kind"] == "extraction" else row["prediction"]
        for row in rows
    ]
    pairs = [(answer or "", row["gold"]) for answer, row in zip(answers, rows, strict=True)]
    verdicts = compare_many(pairs, workers=2, timeout=20)
    told = [(v is EQUAL, row["equal"]) for v, row in zip(verdicts, rows, strict=True)]
    bare = [pair for pair, row in zip(told, rows, strict=True) if row["kind"] == "pair"]
    assert told.count((True, False)) <= 1
    assert sum(found == labelled for found, labelled in told) >= 0.98 * len(rows)
    assert sum(found == labelled for found, labelled in bare) >= 0.93 * len(bare)
    lenient = compare_many(pairs, workers=2, timeout=20, policy=Policy(several="last"))
    right = sum((v is EQUAL) == row["equal"] for v, row in zip(lenient, rows, strict=True))
    assert right >= 0.985 * len(rows)
