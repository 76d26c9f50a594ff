"""Are two formulas the same? Tried at fixed points: exactly where that is possible.

1. Rational functions are worked out exactly at a few points; one difference settles DIFFERENT, and
   agreement at points of this size settles EQUAL (two different ones of degree d agree at such a
   point about once in 65,000/d).
2. Anything else is worked out to 60 digits. A difference that is no loss of digits settles
   DIFFERENT. Agreement of two algebraic numbers is made a proof by a separation bound
   (`omi2.answers.bounds`); agreement of other formulas at all points tried, when no term was lost
   beside a larger one, is taken for EQUAL.
3. A decimal that stands for an exact value is compared within its last digit, as the policy says.
   Two decimals that one exact value might have been rounded to are UNKNOWN.

UNKNOWN is what remains: too large, undefined nearly everywhere, or in doubt.
"""

from typing import Any

from omi2.answers.ambiguous import doubtful, readings
from omi2.answers.approximate import BITS, Run
from omi2.answers.bounds import bits_for_zero
from omi2.answers.exact import (
    MAX_BITS,
    NEAR,
    NotExact,
    Point,
    TooLarge,
    Undefined,
    exact,
    point_at,
    whole_point_at,
)
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.rounding import near, within
from omi2.answers.trees import EVERY, Node, minus, names, number, put, walk

ENOUGH = 4
"""Points of agreement that settle EQUAL, for formulas without a bend."""
FAR = 8
"""More points for those with one, such as |x - 50|: with every choice of signs, and far away."""
_BENT = frozenset(("abs", "max", "min", "floor", "ceil"))
MAX_NAMES = 12
CLOCK = "clock"
"""The name of a number that may be the hours or the minutes of a time: no ratio is proved by it."""
_INTEGERS = frozenset("ijklmnN")
"""Letters that stand for integers where nothing else is said."""
_REALS = frozenset("rstuvwxyz")
"""Letters that stand for any numbers."""
_COUNTS = ("factorial", "double factorial", "binomial", "gcd", "lcm")


def same(a: Node, b: Node, policy: Policy) -> Verdict:
    """Compare two formulas."""
    ends = _infinite(a), _infinite(b)
    if any(ends):
        if all(ends):
            return EQUAL if ends[0] == ends[1] else DIFFERENT
        return DIFFERENT
    if a.op == b.op == "number":
        return EQUAL if a.value == b.value else near(a, b, policy)
    if a != b and (doubtful(a) or doubtful(b)):
        found = {same(x, y, policy) for x, y in readings(a, b)}
        return found.pop() if len(found) == 1 else UNKNOWN
    variables = sorted(names(a) | names(b))
    if len(variables) > MAX_NAMES:
        return EQUAL if a == b else UNKNOWN
    verdict = _tried(a, b, variables, policy, point_at)
    if variables and verdict is not UNKNOWN and (_whole(a) or _whole(b)):
        at_integers = _tried(a, b, variables, policy, whole_point_at)
        if verdict is EQUAL or at_integers is not EQUAL:
            verdict = at_integers if at_integers is not UNKNOWN else verdict
        elif (
            all(n in _INTEGERS or n.startswith(EVERY) for n in variables)
            or _meant_whole(a)
            or _meant_whole(b)
        ):
            verdict = EQUAL
        elif not _REALS.issuperset(variables):
            verdict = UNKNOWN
    if verdict is DIFFERENT and (_runs(variables) or _renamed(a, b, policy)):
        return UNKNOWN
    if verdict is EQUAL and any(p.name == CLOCK for f in (a, b) for p in walk(f)):
        return UNKNOWN
    return verdict


def _runs(variables: list[str]) -> bool:
    """Whether a letter runs over the integers: k + 1 takes the same values as k."""
    return any(name.startswith(EVERY) for name in variables)


def _renamed(a: Node, b: Node, policy: Policy) -> bool:
    """Whether formulas differ in the name of an integer alone, as in n pi and k pi."""
    mine, other = names(a) - names(b), names(b) - names(a)
    if len(mine) != 1 or len(other) != 1 or not (mine | other) <= set("jklmn"):
        return False
    (old,), (new,) = mine, other
    return same(put(a, old, Node("name", name=new)), b, policy) is EQUAL


def _infinite(node: Node) -> int:
    """+1 or -1 for an infinity, else 0."""
    if node.op == "const" and node.name == "infty":
        return 1
    if node.op == "*" and len(node.args) == 2 and node.args[0].op == "number":
        return _infinite(node.args[1]) * (-1 if node.args[0].value < 0 else 1)
    if node.op == "+" and len(node.args) == 1:
        return _infinite(node.args[0])
    return 0


def _whole(node: Node) -> bool:
    """Whether a formula may mean something for integers alone."""
    return any(
        (part.op == "call" and part.name in (*_COUNTS, "floor", "ceil"))
        or (part.op == "call" and part.name in ("sin", "cos", "tan") and names(part))
        or (part.op == "^" and names(part.args[1]) and not names(part.args[0]))
        for part in walk(node)
    )


def _meant_whole(node: Node) -> bool:
    """Whether a formula means something for integers alone."""
    return any(part.op == "call" and part.name in _COUNTS and names(part) for part in walk(node))


def _tried(a: Node, b: Node, variables: list[str], policy: Policy, points: Any) -> Verdict:
    """Compare at points until that settles it."""
    agreed = 0
    dusty = any(part.digits for part in (*walk(a), *walk(b)))
    for turn in range(NEAR if variables else 1):
        try:
            told = _told(a, b, points(turn, variables), policy, dusty)
        except Undefined:
            continue
        except TooLarge:
            return EQUAL if a == b else UNKNOWN
        except NotExact:
            return UNKNOWN
        if told is not EQUAL:
            return told
        agreed += 1
        if agreed >= (ENOUGH if variables else 1):
            break
    else:
        return UNKNOWN
    if not variables or a == b or not (_bent(a) or _bent(b)):
        return EQUAL
    for turn in range(NEAR, NEAR + FAR):
        try:
            if _told(a, b, points(turn, variables), policy, dusty) is DIFFERENT:
                return DIFFERENT
        except (Undefined, TooLarge, NotExact):
            continue
    return EQUAL


def _told(a: Node, b: Node, point: Point, policy: Policy, dusty: bool) -> Verdict:
    """Compare at one point, with the rounding of decimals."""
    told = _at(a, b, point)
    return within(a, b, point, policy) if told is DIFFERENT and dusty else told


def _bent(node: Node) -> bool:
    """Whether a formula may be one thing here and another there: |x|, the root of x^2, floors."""
    return any(
        (part.op == "call" and part.name in _BENT)
        or part.op == "root"
        or (part.op == "^" and (part.args[1].op == "/" or part.args[1].value.denominator > 1))
        for part in walk(node)
    )


def _at(a: Node, b: Node, point: Point) -> Verdict:
    """Compare at one point. Raises NotExact, TooLarge, Undefined."""
    try:
        return EQUAL if exact(a, point) == exact(b, point) else DIFFERENT
    except (NotExact, TooLarge):
        pass
    before = 0.0
    for bits in (BITS, 4 * BITS):
        run = Run(point, bits)
        first, second = run.value(a), run.value(b)
        mp = run.mp
        if point and run.beyond and not _imaginary(a) and not _imaginary(b):
            raise Undefined  # a logarithm or a root beyond its domain
        gap = run.total([first, -second])
        largest = max((mp.mag(value) for value in (first, second) if value), default=0)
        size = mp.mag(gap) if gap else -mp.inf
        apart = size >= largest - bits // 3
        if apart and bits == BITS and (run.cancelled or size < -(bits // 3)):
            before = size
            continue
        vanishing = apart and size < before - 2 * BITS  # the sine of pi is never quite 0
        if apart and not vanishing:
            return DIFFERENT
        needed = None if point else bits_for_zero(minus(a, b))
        if needed is not None and largest < MAX_BITS:
            return _proved(a, b, needed + max(0, int(largest)))
        if vanishing or size < largest - bits + 40:
            return UNKNOWN if run.lost else EQUAL
        before = size
    return UNKNOWN


def _imaginary(node: Node) -> bool:
    return any(part.op == "const" and part.name == "i" for part in walk(node))


def _proved(a: Node, b: Node, needed: int) -> Verdict:
    """With as many digits as it takes to tell two algebraic numbers apart."""
    run = Run({}, max(BITS, 2 * needed + 100))
    gap = run.value(a) - run.value(b)
    return EQUAL if not gap or run.mp.mag(gap) < -needed else DIFFERENT


def as_line(node: Node, name: str, policy: Policy) -> tuple[Node, Node] | None:
    """A formula's value where a variable is 0, and its slope; None if it is not linear in it."""
    values = {n: put(node, name, number(n)) for n in (0, 1, -2, 7)}
    slope = minus(values[1], values[0])
    for n in (-2, 7):
        line = Node("+", (values[0], Node("*", (number(n), slope))))
        if same(values[n], line, policy) is not EQUAL:
            return None
    return values[0], slope


def at_least_one(node: Node) -> bool:
    """Whether a constant is known to be 1 or more in size."""
    try:
        run = Run(point_at(0, sorted(names(node))))
        return bool(abs(run.value(node)) >= 1)
    except (TooLarge, NotExact, Undefined):
        return False


def too_large(node: Node) -> bool:
    """Whether the value of a formula is too large to be worked out even roughly."""
    point = point_at(0, sorted(names(node)))
    try:
        Run(point).value(node)
    except TooLarge:
        return True
    except (NotExact, Undefined):
        pass
    return False
