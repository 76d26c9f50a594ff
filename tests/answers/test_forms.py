r"""Every kind of answer in its many spellings: equal, different, and what stays unknown.

Each row is compared both ways round and without a worker: what is in here costs microseconds.
"""

import pytest

from omi2.answers.compare import quick
from omi2.answers.forms import read
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict

CASES = r"""
= ;; 1 1/2 ;; 1.5
= ;; 2\frac{1}{2} ;; 5/2
# ;; 1 1/2 ;; 11/2
= ;; 2 \frac{3}{4} ;; 2.75
= ;; -1\frac{1}{2} ;; -1.5
= ;; 1\,234\,567 ;; 1234567
= ;; 1,234,567.89 ;; 1234567.89
= ;; 3,52 ;; 3.52
= ;; 0,25 ;; 1/4
# ;; 1,234 ;; 1.234
# ;; (1,2) ;; 1.2
= ;; \$5.00 ;; 5 dollars
= ;; \$1,234.50 ;; 1234.5
= ;; 50 cents ;; \$0.50
# ;; 50 cents ;; \$50
= ;; 5\text{ cm} ;; 5
= ;; 50 cm ;; 0.5 m
# ;; 50\text{ cm} ;; 50\text{ m}
= ;; 2 hours ;; 120 minutes
= ;; 5\text{ cm}^2 ;; 5 square centimeters
= ;; 60 mph ;; 60
= ;; 60 miles per hour ;; 60\text{ miles/hour}
= ;; 90^\circ ;; 90
= ;; 90^{\circ} ;; 90 degrees
= ;; 90^\circ ;; \frac{\pi}{2}
# ;; 90 ;; \pi/2
= ;; 25\% ;; 0.25
= ;; 25\% ;; 25
= ;; 25\% ;; \frac{1}{4}
# ;; 25 ;; 0.25
= ;; 25 percent ;; 25%
= ;; 12\frac{1}{2}\% ;; 12.5\%
= ;; 1.5 \times 10^3 ;; 1500
= ;; 1.5e3 ;; 1500
= ;; 6.02\cdot 10^{23} ;; 6.02 \times 10^{23}
# ;; 1/2^{98} ;; 1/2^{99}
# ;; \frac{1}{2004!} ;; \frac{1}{2006!}
# ;; 10^{-10} ;; 0
= ;; \sqrt{50} ;; 5\sqrt{2}
= ;; \frac{1}{\sqrt{2}} ;; \frac{\sqrt{2}}{2}
= ;; \sqrt{3+2\sqrt{2}} ;; 1+\sqrt{2}
= ;; \sqrt[3]{54} ;; 3\sqrt[3]{2}
= ;; \sqrt[3]{20+14\sqrt{2}}+\sqrt[3]{20-14\sqrt{2}} ;; 4
= ;; 2^{1/2} ;; \sqrt2
= ;; 8^{2/3} ;; 4
= ;; (x+1)^3 ;; x^3+3x^2+3x+1
# ;; (x+1)^3 ;; x^3+3x^2+3x+2
= ;; \frac{x^2-1}{x-1} ;; x+1
= ;; \frac{1}{x}+\frac{1}{y} ;; \frac{x+y}{xy}
= ;; \sin^2\theta ;; 1-\cos^2\theta
= ;; \sin 2x ;; 2\sin x\cos x
= ;; \tan x ;; \frac{\sin x}{\cos x}
= ;; \cos\frac{\pi}{3} ;; \frac12
= ;; \sin 30^\circ ;; 0.5
= ;; \cos 36^\circ ;; \frac{1+\sqrt{5}}{4}
= ;; \ln 8 ;; 3\ln 2
= ;; \log_2 8 ;; 3
= ;; \log_{10} 100 ;; 2
= ;; e^{\ln 2} ;; 2
= ;; e^{i\pi} ;; -1
= ;; |{-3}| ;; 3
= ;; 5! ;; 120
= ;; \binom{5}{2} ;; 10
= ;; \frac{n!}{k!(n-k)!} ;; \binom{n}{k}
= ;; 2^{n+1} ;; 2\cdot 2^n
# ;; 2^{n+1} ;; 2^n
= ;; (-1)^n ;; (-1)^{n+2}
= ;; \lfloor 2.7 \rfloor ;; 2
= ;; x=3 ;; 3
= ;; x = 3 ;; 3 = x
= ;; 2x+y=1 ;; 4x+2y=2
= ;; 2x+y=1 ;; y=1-2x
# ;; 2x+y=1 ;; 2x+y=2
# ;; 2x+z=1 ;; 1
= ;; y=2x+3 ;; 2x+3
= ;; f(x)=x^2 ;; x^2
# ;; x=5 ;; 6
= ;; x<5 ;; (-\infty,5)
= ;; x\le 5 ;; (-\infty,5]
= ;; 5>x ;; x<5
= ;; -2<x\le 7 ;; (-2,7]
= ;; 7 \ge x > -2 ;; (-2,7]
= ;; x\in[1,2] ;; [1,2]
= ;; -x>-1 ;; x<1
= ;; 2x < 10 ;; x < 5
# ;; x<5 ;; x\le5
= ;; x\neq 5 ;; (-\infty,5)\cup(5,\infty)
= ;; \mathbb{R}\setminus\{5\} ;; (-\infty,5)\cup(5,\infty)
= ;; (3,\infty)\cup(-\infty,2) ;; (-\infty,2)\cup(3,\infty)
= ;; x<2 \text{ or } x>3 ;; (-\infty,2)\cup(3,\infty)
= ;; [1,2]\cup[2,3] ;; [1,3]
= ;; \{1,2,3\} ;; \{3,1,2\}
= ;; \{1,2,3\} ;; 1,2,3
= ;; 1 and 2 ;; 1, 2
= ;; 1 \text{ and } 2 ;; \{2, 1\}
# ;; \{1,2\} ;; (1,2)
# ;; (1,2) ;; (2,1)
= ;; (1,2) ;; ( 1.0 , \frac{4}{2} )
= ;; (x,y)=(1,2) ;; (1,2)
= ;; x=1, y=2 ;; (1,2)
= ;; \begin{pmatrix}1&2\\3&4\end{pmatrix} ;; \begin{bmatrix}1&2\\3&4\end{bmatrix}
= ;; \begin{pmatrix}1\\2\end{pmatrix} ;; (1,2)
= ;; [[1,2],[3,4]] ;; \begin{pmatrix}1&2\\3&4\end{pmatrix}
# ;; \begin{pmatrix}1&2\\3&4\end{pmatrix} ;; \begin{pmatrix}1&2\\3&5\end{pmatrix}
= ;; 1\pm\sqrt{2} ;; 1-\sqrt2, 1+\sqrt2
= ;; x = \pm 3 ;; -3, 3
= ;; \pm 3 ;; \{3,-3\}
= ;; (A) ;; A
= ;; \text{(B)} ;; B
# ;; A ;; B
= ;; \textbf{(C)} ;; \text{C}
= ;; yes ;; \text{Yes}
# ;; yes ;; no
= ;; True ;; true
= ;; Monday ;; \text{Monday}
# ;; Monday ;; Tuesday
= ;; June 5, 2020 ;; 5 June 2020
# ;; June 5, 2020 ;; June 6, 2020
= ;; 3:30 PM ;; 3:30 p.m.
# ;; 3:30 PM ;; 3:30 AM
= ;; 1:2 ;; 2:4
= ;; 3:2 ;; 3 : 2
= ;; 52_8 ;; 52_{8}
= ;; 52_8 ;; 42
# ;; 52_8 ;; 52_9
= ;; 0.\overline{3} ;; \frac13
= ;; 0.1\overline{6} ;; 1/6
= ;; 18 vacuum cleaners ;; 18
= ;; Josh's profit was $70,000 ;; 70000
= ;; 1.414 ;; \sqrt{2}
# ;; 1.41 ;; \sqrt{2}
# ;; 3.14 ;; \pi
= ;; 3.14159 ;; \pi
= ;; 0.3333 ;; 1/3
# ;; 0.33 ;; 1/3
# ;; 2 ;; 2.0000001
= ;; 0.30000000000000004 ;; 0.3
= ;; 59.99999999999999 ;; 60
= ;; 5 million ;; 5,000,000
= ;; \$5 million ;; 5000000
= ;; 3 dozen ;; 36
= ;; 3^{\text{rd}} ;; 3
= ;; twelve ;; 12
= ;; −5 ;; -5
= ;; ５ ;; 5
= ;; ٣ ;; 3
= ;; 2½ ;; 2.5
= ;; x² ;; x^2
= ;; \emptyset ;; \{\}
= ;; no solution ;; \emptyset
= ;; \dfrac{3}{4}\pi ;; \frac{3\pi}{4}
= ;; 3/4 pi ;; 0.75\pi
= ;; 2x^2y ;; 2yx^2
= ;; ab ;; ba
# ;; x^2+2x+1 ;; y^2+2y+1
= ;; \overline{AB} ;; AB
= ;; \frac{AB}{CD}=2 ;; 2
= ;; \sqrt{x^2} ;; |x|
# ;; \sqrt{x^2} ;; x
= ;; \ln x^2 ;; 2\ln x
= ;; x\sqrt{x} ;; x^{3/2}
= ;; a^2-b^2=0 ;; b^2=a^2
# ;; i ;; -i
= ;; 3+4i ;; 4i+3
= ;; \frac{1}{i} ;; -i
= ;; \infty ;; +\infty
# ;; \infty ;; -\infty
# ;; 5 ;; \infty
? ;; 1/0 ;; 5
? ;; 9^{9^{9^9}} ;; 7
= ;; 5 feet 6 inches ;; 66 inches
= ;; 3 hours and 20 minutes ;; 200 minutes
= ;; 5 apples and 3 oranges ;; 5 apples, 3 oranges
= ;; 1,2,3, and 4 ;; 1,2,3,4
= ;; 11,\! 111 ;; 11111
= ;; \frac{3}{4} \text{ of the pie} ;; 3/4
= ;; (2,3),(3,2) ;; (3,2),(2,3)
= ;; n = 4k+1 ;; 4k+1
= ;; {5} ;; 5
= ;; [5] ;; 5
= ;; **73** ;; 73
= ;; \text{13} ;; 13
= ;; \mathbf{13} ;; 13
# ;; 3*x-1*y+13=0 ;; 5*x-2*y+1=0
= ;; \text{June} ;; June
= ;; east ;; \text{East}
= ;; 2^{2007} ;; 2\cdot2^{2006}
= ;; 0.5x+1 ;; \frac{x}{2}+1
= ;; x+1.414 ;; x+\sqrt2
? ;; at least 5 ;; 5
# ;; -5 ;; 5
# ;; 7\text{ days} ;; 7\text{ pounds}
? ;; 7 apples ;; 7 oranges
= ;; $x=5$ ;; $5$
= ;; \(\frac{1}{2}\) ;; 0.5
= ;; \text{Answer: } 5 ;; 5
= ;; \frac{\pi}{6}\text{ radians} ;; 30^\circ
= ;; 10\,\mathrm{m/s} ;; 10 m/s
= ;; 9.8\ \mathrm{m/s^2} ;; 9.8
= ;; 5!\cdot 2 ;; 240
= ;; \sum_{i=1}^{3} i ;; \sum_{i=1}^{3} i
# ;; 0.3334 ;; 1/3
= ;; 0.6666 ;; 2/3
= ;; 0.6667 ;; 2/3
# ;; 0.6668 ;; 2/3
= ;; -0.6666 ;; -2/3
# ;; -0.6665 ;; -2/3
= ;; -1.414 ;; -\sqrt2
# ;; 1.416 ;; \sqrt2
= ;; 2.314814814815 \times 10^{-3} ;; \frac{1}{432}
# ;; \sqrt{2}+10^{-80} ;; \sqrt{2}
# ;; x+10^{-100} ;; x
# ;; \sqrt{10^{40}+1}-\sqrt{10^{40}} ;; 0
= ;; \sqrt{10^{40}+1}-\sqrt{10^{40}} ;; \frac{1}{\sqrt{10^{40}+1}+10^{20}}
# ;; \sqrt{1000001}+\sqrt{1000025}+\sqrt{1000031} ;; \sqrt{1000003}+\sqrt{1000023}+\sqrt{1000031}
# ;; e^{\pi\sqrt{163}} ;; 262537412640768744
# ;; 2^{100000} ;; 2^{100001}
# ;; 10^{10^{10}} ;; 10^{10}
= ;; \pi^2 ;; \pi\cdot\pi
# ;; \frac{22}{7} ;; \pi
# ;; 1000000! ;; 1
= ;; \cos\frac{2\pi}{7}+\cos\frac{4\pi}{7}+\cos\frac{6\pi}{7} ;; -\frac12
# ;; (-8)^{1/3} ;; 2
? ;; \cos(10^{-40}) ;; 1
? ;; 2^{100000}+1 ;; 2^{100000}
"""
VERDICTS = {"=": EQUAL, "#": DIFFERENT, "?": UNKNOWN}
ROWS = [
    (VERDICTS[sign], a, b)
    for line in CASES.strip().splitlines()
    for sign, a, b in [line.split(" ;; ")]
]


@pytest.mark.parametrize(("wanted", "a", "b"), ROWS, ids=lambda part: str(part))
def test_spellings(wanted: Verdict, a: str, b: str) -> None:
    found = {quick(a, b), quick(b, a)}
    assert found == {wanted} or (wanted is UNKNOWN and found == {None})  # a worker would be asked


@pytest.mark.parametrize(
    ("policy", "a", "b", "wanted"),
    [
        (Policy(), "28%", "28", EQUAL),
        (Policy(percent="exact"), "28%", "28", DIFFERENT),
        (Policy(percent="exact"), "28%", "0.28", EQUAL),
        (Policy(units="required"), "5 cm", "5", DIFFERENT),
        (Policy(units="required"), "5 cm", "0.05 meters", EQUAL),
        (Policy(), "6,-2", "-2,6", EQUAL),
        (Policy(list_order="kept"), "6,-2", "-2,6", DIFFERENT),
        (Policy(list_order="kept"), r"\{6,-2\}", r"\{-2,6\}", EQUAL),
        (Policy(), "30, 45, 105", "105", DIFFERENT),
        (Policy(several="last"), "30, 45, 105", "105", EQUAL),
        (Policy(several="last"), "30, 45, 105", "30", DIFFERENT),
        (Policy(several="last"), "(1,2)", "2", DIFFERENT),  # a point is one answer
        (Policy(rounded=2), "0.33", "1/3", EQUAL),
        (Policy(rounded=0), "0.3333333", "1/3", DIFFERENT),
        (Policy(tolerance=1e-3), "1.0001", "1.0002", EQUAL),
        (Policy(), "1.0001", "1.0002", DIFFERENT),
    ],
)
def test_a_policy_decides_what_mathematics_does_not(
    policy: Policy, a: str, b: str, wanted: Verdict
) -> None:
    assert quick(a, b, policy) is wanted
    assert quick(b, a, policy) is wanted


def test_where_units_are_required_dollars_are_one() -> None:
    required = Policy(units="required")
    assert quick(r"\$2", "2", required) is quick("2", "$2", required) is DIFFERENT
    assert quick("$2$", "2", required) is quick(r"\$2", "$2", required) is EQUAL
    assert quick(r"\$2", "2") is EQUAL


def test_a_policy_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="several is 'first': one of all, last"):
        Policy(several="first")
    with pytest.raises(ValueError, match="rounded is -1: a number from 0 to 100"):
        Policy(rounded=-1)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "1 2",
        "(1,2",
        r"\frac{1}{2",
        "3..5",
        "x^",
        "+",
        r"\sum_{k=1}^n k",
        r"\int_0^1 x\,dx",
        "58_8",  # no digit of base 8
        "1_37",
        "at least 5",
        "5 to 7 days",
        r"\begin{cases} 1 \\ 2 \end{cases}",
        r"\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}",
        "(" * 50 + "1" + ")" * 50,
        "1" * 1501,
    ],
)
def test_what_is_not_understood_in_full_is_not_read(answer: str) -> None:
    assert read(answer) == ()


@pytest.mark.parametrize(
    ("answer", "readings"), [("5", 1), ("1,22", 2), ("1,234", 1), ("1,234,567", 2), ("(1,22)", 1)]
)
def test_an_ambiguous_notation_has_two_readings(answer: str, readings: int) -> None:
    assert len(read(answer)) == readings


@pytest.mark.shared
def test_golds_of_the_benchmarks_are_read(shared_data: object) -> None:
    """5,354 golds of MATH and Omni-MATH: all but a few sums and slips."""
    import polars as pl

    golds: set[str] = set()
    for name in ("math", "omni_math_rule"):
        table = pl.read_parquet(f"{shared_data}/benchmarks/{name}.parquet")
        golds.update(answer for answer in table["answer"] if answer)
    assert len([gold for gold in golds if not read(gold)]) <= 20
