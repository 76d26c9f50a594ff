"""Compare numbers modulo another: x = 1, 3 (mod 4) is x = 1 (mod 2)."""

from math import lcm

from omi2.answers.assign import assigned
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.probe import same
from omi2.answers.trees import Group, Node, Quantity, Relation, Residues, Value

_MOST = 10_000
"""The largest modulus whose residues are listed."""


def congruent(a: Value, b: Value, policy: Policy) -> Verdict:
    """Two answers of which at least one is told modulo a number."""
    if isinstance(a, Residues) and isinstance(b, Residues):
        return _both(a, b, policy)
    told, thing = (a, b) if isinstance(a, Residues) else (b, a)
    assert isinstance(told, Residues)  # noqa: S101 (one of them is)
    if isinstance(thing, Group) and thing.brackets in ("", "{}"):
        return UNKNOWN
    if not isinstance(thing, Quantity) or len(told.items) != 1:
        return UNKNOWN if isinstance(thing, Relation | Group) or len(told.items) > 1 else DIFFERENT
    modulus, whole = _size(told.modulus), _size(thing.node)
    only = told.items[0]
    residue = _size(only.node) if isinstance(only, Quantity) else None
    if modulus is None or whole is None or residue is None:
        return UNKNOWN
    if whole % modulus != residue:
        return DIFFERENT
    return EQUAL if whole == residue and not told.named else UNKNOWN


def _both(a: Residues, b: Residues, policy: Policy) -> Verdict:
    one, other = _listed(a, b), _listed(b, a)
    if one is not None and other is not None:
        return EQUAL if one == other else DIFFERENT
    if same(a.modulus, b.modulus, policy) is not EQUAL:
        return UNKNOWN
    verdict = assigned(
        a.items,
        b.items,
        lambda x, y: (
            same(x.node, y.node, policy)
            if isinstance(x, Quantity) and isinstance(y, Quantity)
            else UNKNOWN
        ),
    )
    return EQUAL if verdict is EQUAL else UNKNOWN


def _listed(told: Residues, beside: Residues) -> set[int] | None:
    """All residues modulo the least common multiple of both moduli; None if that is not known."""
    sizes = _size(told.modulus), _size(beside.modulus)
    if not sizes[0] or not sizes[1] or (whole := lcm(sizes[0], sizes[1])) > _MOST:
        return None
    found = [_size(item.node) if isinstance(item, Quantity) else None for item in told.items]
    return (
        {
            residue + sizes[0] * turn
            for residue in found
            if residue is not None
            for turn in range(whole // sizes[0])
        }
        if None not in found
        else None
    )


def _size(node: Node) -> int | None:
    whole = node.op == "number" and node.value.denominator == 1 and not node.digits
    return node.value.numerator if whole else None
