"""Values of formulas to many digits, with a note of what the digits cannot be trusted for.

mpmath floats with a wide exponent, real or complex. `Value.lost` says that a term vanished beside a
larger one, `Value.cancelled` that a sum came out far smaller than its terms: in the first case
agreement proves nothing, in the second difference does not.

Odd roots of negative numbers are the real ones, as in school.
"""

import threading
from fractions import Fraction
from typing import Any

from omi2.answers.exact import PI, NotExact, Point, TooLarge, Undefined, exact
from omi2.answers.trees import Node

BITS = 200
_MAX_MAGNITUDE = 60
"""Bits of an argument of a power, an exponential or a factorial."""
_store = threading.local()


def context(bits: int = BITS) -> Any:
    """This thread's mpmath context."""
    if not hasattr(_store, "mp"):
        from mpmath import mp  # type: ignore[import-untyped]

        _store.mp = mp.clone()
    _store.mp.prec = bits
    return _store.mp


class Run:
    """One evaluation: its point and what happened on the way."""

    def __init__(self, point: Point, bits: int = BITS) -> None:
        self.mp = context(bits)
        self.point = point
        self.bits = bits
        self.lost = False
        self.cancelled = False
        self.beyond = False
        """Whether a root or a logarithm of real numbers came out complex."""

    def value(self, node: Node) -> Any:
        """The value of a formula. Raises NotExact (not known here), TooLarge, Undefined."""
        mp, op = self.mp, node.op
        if op == "number":
            return mp.mpf(node.value.numerator) / node.value.denominator
        if op == "name":
            if node.name not in self.point:
                raise NotExact
            value = self.point[node.name]
            return mp.mpf(value.numerator) / value.denominator
        if op == "const":
            if node.name == "infty":
                raise Undefined
            if node.name == "pi" and PI in self.point:
                return mp.mpf(self.point[PI].numerator) / self.point[PI].denominator
            return {"pi": mp.pi, "e": mp.e, "i": mp.j}[node.name] * 1
        if op == "+":
            return self.total([self.value(arg) for arg in node.args])
        if op == "*":
            product = mp.mpf(1)
            for arg in node.args:
                product = product * self.value(arg)
            return product
        if op == "/":
            above, below = self.value(node.args[0]), self.value(node.args[1])
            if not below:
                raise Undefined
            return above / below
        if op == "^":
            return self.power(self.value(node.args[0]), node.args[1])
        if op == "root":
            inside = self.value(node.args[0])
            return self.power(inside, Node("/", (_ONE, node.args[1])))
        if op == "call":
            return self.call(node.name, [self.value(arg) for arg in node.args])
        raise NotExact

    def total(self, terms: list[Any]) -> Any:
        """A sum, watched."""
        mp = self.mp
        total = terms[0]
        for term in terms[1:]:
            after = total + term
            if term and total:
                sizes = mp.mag(term), mp.mag(total)
                if abs(sizes[0] - sizes[1]) > self.bits // 2:
                    self.lost = True
                if not after or mp.mag(after) < max(sizes) - self.bits // 4:
                    self.cancelled = True
                    if not after or mp.mag(after) < max(sizes) - self.bits + 20:
                        after = mp.mpf(0)
            total = after
        return total

    def power(self, base: Any, exponent: Node) -> Any:
        mp = self.mp
        try:
            known = exact(exponent, self.point)
        except (NotExact, TooLarge, Undefined):
            return self._power(base, self.value(exponent))
        if not base:
            if known <= 0:
                raise Undefined
            return base
        if abs(known.numerator).bit_length() > _MAX_MAGNITUDE:
            raise TooLarge
        self.size(mp.log(abs(base)) * abs(known.numerator))
        if known.denominator == 1:
            return mp.power(base, known.numerator)
        if mp.im(base) == 0 and mp.re(base) < 0 and known.denominator % 2:
            root = -mp.power(-mp.re(base), mp.mpf(1) / known.denominator)
            return mp.power(root, known.numerator)
        self.beyond = self.beyond or bool(mp.im(base) == 0 and mp.re(base) < 0)
        return mp.power(base, mp.mpf(known.numerator) / known.denominator)

    def _power(self, base: Any, exponent: Any) -> Any:
        if not base:
            raise Undefined
        self.size(self.mp.log(base) * exponent)
        if exponent and self.mp.mag(exponent) < -40:
            self.lost = True
        found = self.mp.power(base, exponent)
        self.watch(found, base, exponent)
        return found

    def watch(self, found: Any, *given: Any) -> None:
        """Note a complex value that real ones have made."""
        mp = self.mp
        if mp.im(found) and not any(mp.im(value) for value in given):
            self.beyond = True

    def size(self, logarithm: Any) -> None:
        """Refuse what would be too large."""
        if logarithm and self.mp.mag(logarithm) > _MAX_MAGNITUDE:
            raise TooLarge

    def call(self, name: str, args: list[Any]) -> Any:
        mp, value = self.mp, args[0]
        if name == "percent":
            return value / 100
        if name == "deg":
            return value * mp.pi / 180
        if name == "abs":
            return abs(value)
        if value and mp.mag(value) > _MAX_MAGNITUDE:
            raise TooLarge
        if value and mp.mag(value) < -40:
            self.lost = True
        if name in ("floor", "ceil"):
            if mp.im(value) != 0:
                raise Undefined
            return mp.floor(value) if name == "floor" else mp.ceil(value)
        if name in ("ln", "log"):
            if not value or (len(args) == 2 and (not args[1] or args[1] == 1)):
                raise Undefined
            found = mp.log(value) if len(args) == 1 else mp.log(value) / mp.log(args[1])
            self.watch(found, *args)
            return found
        try:
            if name == "factorial":
                return mp.factorial(value)
            if name == "double factorial":
                return mp.fac2(value)
            if name == "binomial":
                return mp.binomial(value, args[1])
            function = _FUNCTIONS.get(name)
            if function is None:
                raise NotExact
            found = getattr(mp, function)(value)
        except (ValueError, ZeroDivisionError, OverflowError):
            raise Undefined from None
        self.watch(found, value)
        if name in ("tan", "cot", "sec", "csc") and found and mp.mag(found) > self.bits // 2:
            raise Undefined
        return found


_ONE = Node("number", value=Fraction(1))
_FUNCTIONS = {
    **{name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "exp", "sinh", "cosh", "tanh")},  # noqa: E501
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan")},
}  # fmt: skip
