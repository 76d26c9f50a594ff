"""Compare two quantities: formulas with their units, percent signs and degrees.

Known units are converted, counted nouns compared as words; what a missing unit means is a matter of
`Policy`. Letters that look like variables may be a unit (10 m/s) where the other answer has one.

Not covered: units that follow from the problem alone.
"""

from fractions import Fraction

from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.probe import at_least_one, same
from omi2.answers.trees import Node, Quantity, names, number, put
from omi2.answers.units import Dimensions, convertible, measure, same_nouns, scales

_VARIABLES = [set(letters) for letters in ("abcd", "klmn", "pqrst", "uvw", "wxyz")]
"""Letters that are variables when they stand together."""
_CHOICES, _ROMAN = frozenset("ABCDEFGH"), frozenset("IVX")
_PI = Node("const", name="pi")


def quantities(a: Quantity, b: Quantity, policy: Policy) -> Verdict:
    """Formulas and their units."""
    if spelled(a.node, b.node):
        return UNKNOWN
    one, other = a.unit, b.unit
    if one == other:
        verdict = same(a.node, b.node, policy)
        return UNKNOWN if verdict is DIFFERENT and _one_letter(a.node, b.node, policy) else verdict
    if not one or not other:
        bare, unit, told = (a.node, other, b.node) if not one else (b.node, one, a.node)
        return _half(bare, told, unit, policy)
    first, second = measure(one), measure(other)
    of_one, of_other = (unit.partition("|")[2] for unit in (one, other))
    if of_one and of_other and not same_nouns(of_one, of_other):  # liters of milk, liters of water
        first_plain, second_plain = (Quantity(q.node, q.unit.partition("|")[0]) for q in (a, b))
        verdict = quantities(first_plain, second_plain, policy)
        return DIFFERENT if verdict is DIFFERENT else UNKNOWN
    if first and second:
        if first[0] == second[0]:
            return same(_times(a.node, first[1]), _times(b.node, second[1]), policy)
        kinds = {_kind(first[0]): a.node, _kind(second[0]): b.node}
        if kinds.keys() == {"angle", "radian"}:
            return same(_radians(kinds["angle"]), kinds["radian"], policy)
        if kinds.keys() == {"temperature", "temperature in America"}:
            return same(kinds["temperature"], _celsius(kinds["temperature in America"]), policy)
        if "angle" in kinds and kinds.keys() & {"temperature", "temperature in America"}:
            return same(a.node, b.node, policy)
        if "unit" not in kinds:
            return UNKNOWN if convertible(first[0], second[0]) else DIFFERENT
    verdict = same(a.node, b.node, policy)
    if verdict is EQUAL and not (not first and not second and same_nouns(one, other)):
        return UNKNOWN
    return verdict


def _kind(dimensions: Dimensions) -> str:
    """The dimension of a plain unit; "" for a product or a power."""
    return dimensions[0][0] if len(dimensions) == 1 and dimensions[0][1] == 1 else ""


def spelled(a: Node, b: Node) -> bool:
    """Whether letters may spell something: a word, a name, a choice, a Roman number."""
    return _anagrams(a, b) or _numbered(a, b) or _numbered(b, a)


def _anagrams(a: Node, b: Node) -> bool:
    """Whether letters stand in another order, and may be a word or a name: tom, mot; AB, BA."""
    both = [
        "".join(part.name for part in node.args)
        if node.op == "*" and all(p.op == "name" for p in node.args)
        else ""
        for node in (a, b)
    ]
    if both[0] == both[1] or not all(both):
        return False
    if min(map(len, both)) == 2:
        return sorted(both[0]) == sorted(both[1]) and both[0].isupper()
    return not any(set("".join(both)) <= kin for kin in _VARIABLES)


def _numbered(letters: Node, value: Node) -> bool:
    """Whether letters may stand for a number: of a choice (C and 7), Roman (II and 2)."""
    apart = letters.args if letters.op == "*" else (letters,)
    if any(part.op != "name" for part in apart) or names(value):
        return False
    text = "".join(part.name for part in apart)
    return text in _CHOICES or (len(text) > 1 and set(text) <= _ROMAN)


def _one_letter(a: Node, b: Node, policy: Policy) -> bool:
    """Whether two formulas differ in a letter's case alone: x^2 + C and x^2 + c, N and n."""
    mine, its = names(a), names(b)
    small = {name: name.lower() for name in mine ^ its}
    if not small or {small.get(n, n) for n in mine} != {small.get(n, n) for n in its}:
        return False
    for name, lower in small.items():
        a, b = (put(node, name, Node("name", name=lower)) for node in (a, b))
    return same(a, b, policy) is EQUAL


def _half(bare: Node, told: Node, unit: str, policy: Policy) -> Verdict:
    """One has a unit, the other has none (or one in letters that look like variables: 10 m/s)."""
    lettered = _lettered(bare)
    if lettered is not None and measure(lettered.unit) and measure(unit):
        return quantities(lettered, Quantity(told, unit), policy)
    dimension = measure(unit)
    if dimension and dimension[0] == (("part", 1),):
        verdict = same(bare, _times(told, Fraction(1, 100)), policy)
        if verdict is not EQUAL and policy.percent == "either":
            plain = same(bare, told, policy)
            if plain is EQUAL and not at_least_one(told):
                plain = UNKNOWN  # a half percent, or a half?
            verdict = plain if plain is not DIFFERENT else verdict
        return verdict
    verdict = same(bare, told, policy)
    if verdict is DIFFERENT and dimension and dimension[0] == (("angle", 1),):
        return same(bare, _radians(told), policy)
    if policy.units == "required":
        return DIFFERENT
    return UNKNOWN if verdict is DIFFERENT and _elsewhere(bare, told, unit) else verdict


def _elsewhere(bare: Node, told: Node, unit: str) -> bool:
    """Whether a bare number is the other in another unit: 0.5 and 50 cm, where metres are asked."""
    measured = measure(unit)
    if measured is None or not (bare.op == told.op == "number") or not bare.value:
        return False
    return told.value * measured[1] / bare.value in scales(measured[0])


def _lettered(node: Node) -> Quantity | None:
    """A number with letters that may be its unit: 10 m, 10 m/s, 10 m/s^2, 10 m^2."""
    if node.op == "/" and (above := _lettered(node.args[0])) is not None:
        below = _letter(node.args[1])
        return Quantity(above.node, f"{above.unit} / {below}") if below else None
    if node.op == "*" and len(node.args) == 2 and not names(node.args[0]):
        unit = _letter(node.args[1])
        if node.args[1].op == "/":
            parts = [_letter(part) for part in node.args[1].args]
            unit = " / ".join(parts) if all(parts) else ""
        return Quantity(node.args[0], unit) if unit else None
    return None


def _letter(node: Node) -> str:
    if node.op == "^" and node.args[0].op == "name" and node.args[1].value in (2, 3):
        return f"{node.args[0].name} ^{node.args[1].value}"
    return node.name if node.op == "name" else ""


def _times(node: Node, factor: Fraction) -> Node:
    if factor == 1:
        return node
    if node.op == "number":
        return Node("number", value=node.value * factor, digits=node.digits, ulp=node.ulp * factor)
    return Node("*", (number(factor), node))


def _celsius(node: Node) -> Node:
    return _times(Node("+", (node, number(-32))), Fraction(5, 9))


def _radians(node: Node) -> Node:
    return Node("*", (number(Fraction(1, 180)), _PI, node))
