r"""Model text is hostile: no crash, no hang, no code run, no file read, no worker left behind.

Three nets: a table of known attacks; Hypothesis over pieces of LaTeX and over any text; and, marked
slow, a million seeded inputs made of such pieces and of the answers in `pairs/`, whole, cut and
joined. A share is grown by coverage (an input that reaches a line no other reached is kept and
mutated; the corpus stays in memory and small).
"""

import os
import random
import re
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omi2.answers import answer_type, boxes, compare, compare_many, extract, grade, key, pool
from omi2.answers.compare import quick
from omi2.answers.forms import read
from omi2.answers.policy import EQUAL, Verdict
from omi2.rows import ANSWER_TYPES

COMMANDS = r"""
    \frac \sqrt \sqrt[3] \pi \infty \left( \right) \text{ \mathrm{ \boxed{ \cdot \times \pm \mp
    \cup \in \le \ge \neq \{ \} \% \$ \\ \, \! \; \quad \sin \cos \tan^{-1} \log_ \ln \binom \sum_
    \int \lfloor \rfloor \begin{pmatrix} \end{pmatrix} \circ ^\circ \overline{ \mathbb{R} \setminus
    \Rightarrow \pmod{ \input{ \write18{ \def \x \unknown \begin \end \begin{cases} \end{cases} &
    \begin{array}{cc} \end{array} \begin{vmatrix} \end{vmatrix} \begin{aligned} \pmatrix{ \cr \det
    \equiv \mid \middle| \langle \rangle \lbrace \cap \emptyset \mathbb{Z} \quad \text{if
    \text{otherwise} \text{where} \mathrm{cm} \fbox{ \boxed{5} \textcolor{red}{ \approx \lvert
    \prime \end{or} \begin{x}
"""
PIECES = [
    *"0123456789xyzabnieABC+-*/^_=<>(){}[]|,;:.!'\"&%$ \n~",
    *COMMANDS.split(),
    "1,234", "2^{10}", "10^10^10", "9^9^9", "1000000!", "52_8", "0.5", "1e9", "1/2", "1 1/2", "1/0",
    "...", "0.333...", "1, 234", "(A) ", "^\\circ C", "twenty-five", "\\choose", "|x|", "mph",
    " mod ", " (mod 4)", "x = 1, 3", "for k in Z", " where k is an integer", "if x > 0", "DNE",
    "FF_{16}", "101_2", "_{12}", "12,34,567", "1.234,56", "1 234,56", "1.234.567", "1'000'000",
    "0.(3)", "]a,b[", "[1,3]", "(-oo, 2]", "x<5", "x>=2", "|x|<3", ">= 3", "!= ", "C + ", "5C2",
    "C(5,2)", "oo", "(x,y)=", "{x | x>2}", "no solution", " to ", " ≈ 0.139", " cm^2", " m/s",
    "USD ", "Rs. ", "EUR", "^{th}", "2 hours 30 minutes", "3:30 PM", "May 5, 2020", "one half",
    " per cent", "√", "∛", "≤", "∞", "∪", "⟨",
    " cm", " and ", " or ", "dollars", "percent", "the answer is ", "#### ", "yes", "May", "pm",
    "−", "×", "²", "½", "٣", "\u202e", "\x00", "\u200b", "ﬁ", "𝟙", "\ud800", "\f", "\t", "é", "′",
]  # fmt: skip
WRITTEN = [
    answer
    for table in sorted((Path(__file__).parent / "pairs").glob("*.txt"))
    for line in table.read_text("utf-8").splitlines()
    for answer in line[2:].split(" ;; ")
]
"""Answers as people and models write them, of every form that is read."""
TEXTS = st.one_of(
    st.tuples(
        st.sampled_from(WRITTEN), st.sampled_from(["", *PIECES]), st.sampled_from(WRITTEN)
    ).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.text(max_size=80),
)
LIMIT = 2.0
COMMAND = re.compile(r"\\[A-Za-z]+")


def survive(a: str, b: str) -> None:
    """Everything that is done with an answer, in time."""
    began = time.process_time()
    done(a, b)
    assert time.process_time() - began < LIMIT, (a, b)


def done(a: str, b: str) -> None:
    """Everything that is done with an answer, here; workers have their own tests."""
    forth = quick(a, b)
    assert forth is quick(b, a)
    assert forth is None or isinstance(forth, Verdict)
    assert quick(a, a) is EQUAL or not any(c.isalnum() for c in COMMAND.sub("", a))
    assert isinstance(key(a), str)
    assert answer_type(a) in ANSWER_TYPES
    boxes(a)
    for mode in ("strict", "relaxed"):
        found = extract(a, mode)
        assert found is None or found


@settings(max_examples=500, deadline=None)
@given(TEXTS, TEXTS)
@example("xA", "AA")
def test_anything_survives(a: str, b: str) -> None:
    survive(a, b)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_spacing_and_delimiters_change_nothing(a: str) -> None:
    """Of an answer that was read, in one line of plain characters."""
    says = a.isascii() and a.isprintable() and any(map(str.isalnum, a)) and read(a)
    if says and "$" not in a and "\\" not in a[-1:]:
        assert quick(a, f"  {a} ") is EQUAL


NUMBERS = st.fractions(max_denominator=1000)


@settings(max_examples=150, deadline=None)
@given(NUMBERS, NUMBERS)
def test_fractions_are_equal_when_they_are(a: Any, b: Any) -> None:
    one = f"\\frac{{{a.numerator}}}{{{a.denominator}}}"
    other = f"{b.numerator}/{b.denominator}"
    assert (quick(one, other) is EQUAL) == (a == b)


ATTACKS = [
    "9^9^9^9",
    "9^{9^{9^{9}}}",
    "10^(10^10)",
    "10^{10^{10}}",
    "((((10^10)^10)^10)^10)^10",
    "1000000!",
    "1000000!!",
    "((9!)!)!",
    "x^{100000000}-(x+1)^{100000}",
    r"15\pmod{00}",
    r"15 \bmod 0",
    r"\binom{10^9}{5 \cdot 10^8}",
    "(x+y+z+w)^{99999}",
    r"\sqrt[99999999]{2}",
    "2^{2^{100}}",
    "0.1^{10^{20}}",
    "1e9999",
    "1e99999999",
    r"\gcd(10^{9999}, 10^{9998})",
    "36^{9999}_{36}",
    "|" * 3000,
    "-" * 3000 + "1",
    "!" * 1000,
    "1" + "!" * 1000,
    "{" * 10_000 + "1" + "}" * 10_000,
    "(" * 10_000 + "1" + ")" * 10_000,
    "[" * 700 + "]" * 700,
    r"\frac{" * 1000 + "1" + "}{2}" * 1000,
    r"\sqrt{" * 400 + "2" + "}" * 400,
    "2^" * 700 + "2",
    r"\boxed{" * 5000 + "1" + "}" * 5000,
    r"\boxed{" * 50_000,
    r"\text{" * 5000,
    "\\" * 200_000,
    r"\sum_{n=1}^{1000000000} \frac{1}{n^3}",
    "1+" * 500_000 + "1",
    "1" * 1_000_000,
    "1," * 500_000,
    "x" * 1_000_000,
    "the answer is " * 70_000,
    "#### \n" * 100_000,
    "A: \n" * 200_000,
    "$" * 200_000,
    "½" * 50_000,
    "²" * 50_000,
    "\u202e" * 50_000,
    "and " * 250_000,
    "\\frac" * 30_000,
    "=" * 1400,
    "\x00",
    "1\x002",
    "\ud800",
    "\n",
    "",
    "} \\boxed{",
    "\u202e5",
    "\u200f\u200e7\u202c8",
    "٣" * 1000,
    "__import__('os').system('touch PATH')",
    "().__class__.__base__.__subclasses__()",
    "__import__(chr(111)+chr(115)).system('touch PATH')",
    "open('PATH', 'w')",
    "lambda: 1",
    "PATH",
    r"\text{__import__('os').system('touch PATH')}",
    r"\input{secret.tex}",
    r"\write18{touch PATH}",
    r"\begin",
    r"|\begin|",
    r"5\end{or}\begin",
    r"0.\overlineA",
    r"\def\x{\x\x}\x",
    r"\newcommand{\a}{\a\a}\a",
    "$(touch PATH) `touch PATH` ; touch PATH",
    "a[b.c(d)]",
    "x.__dict__",
    "E**1000000000",
    "pi**pi**pi**pi",
    "factorial(factorial(1000))",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: ascii(attack[:24]))
def test_an_attack_ends_in_time_and_does_nothing(attack: str, tmp_path: Path) -> None:
    target = tmp_path / "made"
    attack = attack.replace("PATH", str(target))
    survive(attack, "6")
    survive(f"\\boxed{{{attack}}}", attack)
    began = time.process_time()
    assert compare(attack, "6", timeout=0.3) is not EQUAL
    assert grade(attack, "6", "relaxed", timeout=0.3) in Verdict
    assert time.process_time() - began < 10  # the first worker's start, on a busy machine
    assert not target.exists()


@pytest.mark.parametrize(
    "secret", [r"\input{SECRET}", r"\include{SECRET}", "open('SECRET').read()"]
)
def test_no_file_is_read(secret: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.tex"
    file.write_text("6")
    assert compare(secret.replace("SECRET", str(file)), "6", timeout=30) is not EQUAL


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.timeout(120)
def test_hard_pairs_leave_no_process_behind() -> None:
    pool.close()
    before = children()
    pairs = [
        (rf"\sum_{{n=1}}^{{{10**9 + i}}} \frac{{1}}{{n^3+1}}", rf"\sum_{{n=1}}^{{{i}}} n^{{-n^n}}")
        for i in range(2, 4)
    ]
    assert EQUAL not in compare_many(pairs, workers=2, timeout=0.1)
    pool.close()
    assert children() <= before


def children() -> set[str]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return {pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()}


def made(rng: random.Random) -> str:
    """A random answer from pieces; or what is left of a real one, with something behind it."""
    if rng.random() < 0.5:
        return "".join(rng.choices(PIECES, k=rng.randrange(1, 18)))
    answer, other = rng.choice(WRITTEN), rng.choice(WRITTEN)
    at = rng.randrange(len(answer) + 1)
    tail = (answer[at:], rng.choice(PIECES) + answer[at:], other, other[at:])
    return answer[:at] + rng.choice(tail)


def mutated(rng: random.Random, text: str) -> str:
    at, cut = rng.randrange(len(text) + 1), rng.randrange(4)
    return text[:at] + (made(rng)[: rng.randrange(12)]) + text[at + cut :]


def sweep(count: int, seed: int) -> None:
    rng = random.Random(seed)
    before = ""
    began = time.process_time()
    for turn in range(count):
        text = mutated(rng, before) if before and rng.random() < 0.3 else made(rng)
        text = text[:400]
        done(text, before if turn % 2 else rng.choice(WRITTEN))
        before = text
        if turn % 20 == 19:  # reading the clock takes longer than most of them
            now = time.process_time()
            assert now - began < LIMIT, f"one of the 20 inputs up to number {turn} of seed {seed}"
            began = now


def guided(count: int, seed: int, most: int = 400) -> int:
    """Inputs grown by coverage of this package's lines; how many were kept."""
    rng = random.Random(seed)
    seen: set[tuple[str, int]] = set()
    fresh = False

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal fresh
        if "answers" not in frame.f_code.co_filename:
            return None
        at = (frame.f_code.co_name, frame.f_lineno)
        if at not in seen:
            seen.add(at)
            fresh = True
        return trace

    corpus = [
        "1",
        "x+1",
        r"\frac{1}{2}",
        "(1,2)",
        "x<5",
        r"\begin{pmatrix}1\\2\end{pmatrix}",
        "5 cm",
    ]
    read.cache_clear()
    for _ in range(count):
        text = mutated(rng, rng.choice(corpus))[:300]
        fresh = False
        other = rng.choice(corpus)
        old = sys.gettrace()
        sys.settrace(trace)
        try:
            survive(text, other)
        finally:
            sys.settrace(old)
        if fresh:
            corpus.append(text)
            if len(corpus) > most:
                corpus.pop(rng.randrange(len(corpus)))
    return len(corpus)


def test_a_slice_of_the_sweep() -> None:
    sweep(4_000, seed=1)


def test_a_slice_of_the_guided_sweep() -> None:
    assert guided(300, seed=1) > 10


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(4))
def test_a_million_inputs(seed: int) -> None:
    sweep(250_000, seed)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_guided_sweep() -> None:
    guided(30_000, seed=2)
