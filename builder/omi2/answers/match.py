"""Compare two answers that were read: three-valued, symmetric, form by form.

EQUAL and DIFFERENT are said only with a reason; forms that do not belong together are DIFFERENT
when no convention makes them one answer, and UNKNOWN when one might.
"""

from collections.abc import Sequence

from omi2.answers import sets, wording
from omi2.answers.assign import assigned
from omi2.answers.listed import (
    alternatives,
    by_name,
    each_by_name,
    holds_items,
    inequalities,
    may_be_interval,
    plain,
    rows_of,
)
from omi2.answers.policy import DIFFERENT, EQUAL, UNKNOWN, Policy, Verdict
from omi2.answers.probe import same
from omi2.answers.quantity import quantities
from omi2.answers.relations import (
    equivalent,
    is_sum_of_letters,
    named,
    one_function,
    one_name,
    one_value,
    solves,
    unnamed,
)
from omi2.answers.residues import congruent
from omi2.answers.trees import (
    CHOICE,
    Both,
    Cases,
    Grid,
    Group,
    Quantity,
    Ratio,
    Relation,
    Residues,
    Union,
    Value,
    Words,
    names,
)


def match(a: Value, b: Value, policy: Policy) -> Verdict:
    """Compare two values."""
    if a == b:
        return EQUAL
    verdict = _match(a, b, policy)
    return verdict if verdict is not None else UNKNOWN


def _match(a: Value, b: Value, policy: Policy) -> Verdict | None:
    if CHOICE in (getattr(a, "brackets", ""), getattr(b, "brackets", "")):
        return _choices(a, b, policy)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return quantities(a, b, policy)
    if isinstance(a, Residues) or isinstance(b, Residues):
        return congruent(a, b, policy)
    if isinstance(a, Cases) or isinstance(b, Cases):
        return _cases(a, b, policy)
    if isinstance(a, Relation) and isinstance(b, Relation):
        return _relations(a, b, policy)
    if isinstance(a, Relation):
        return _relation_with(a, b, policy)
    if isinstance(b, Relation):
        return _relation_with(b, a, policy)
    if isinstance(a, Words) or isinstance(b, Words):
        return wording.words(a, b, policy)
    if isinstance(a, Union | Both) or isinstance(b, Union | Both):
        found = sets.compare(a, b, policy)
        if found is None:
            return (
                UNKNOWN
                if isinstance(a, Relation | Group | Both) or isinstance(b, Relation | Group | Both)
                else DIFFERENT
            )
        return found
    if inequalities(a) or inequalities(b):
        return sets.compare(a, b, policy)
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        return wording.ratios(a, b, policy)
    if isinstance(a, Grid) or isinstance(b, Grid):
        return _grids(a, b, policy)
    return _groups(a, b, policy)


def _choices(a: Value, b: Value, policy: Policy) -> Verdict:
    """A choice with its letter is the letter, and what it says: (A) 5 is A, and is 5."""
    if isinstance(a, Group) and isinstance(b, Group) and a.brackets == b.brackets:
        return every([match(x, y, policy) for x, y in zip(a.items, b.items, strict=True)])
    choice, thing = (a, b) if isinstance(a, Group) and a.brackets == CHOICE else (b, a)
    assert isinstance(choice, Group)  # noqa: S101 (one of them is)
    found = [match(item, thing, policy) for item in choice.items]
    return EQUAL if EQUAL in found else every(found)


def _relations(a: Relation, b: Relation, policy: Policy) -> Verdict:
    verdict = equivalent(a, b, policy)
    if verdict is EQUAL:
        return EQUAL
    one_by_one = [one_value(side) or side for side in (a, b)]
    if one_by_one != [a, b]:
        return match(one_by_one[0], one_by_one[1], policy)
    if (pairs := each_by_name(a, b)) is not None:
        return every([match(x, y, policy) for x, y in pairs])
    exact = [side.sides[0] if _rounded(side) else side for side in (a, b)]
    if exact != [a, b]:
        return match(exact[0], exact[1], policy)
    one, other = named(a), named(b)
    if one is not None and other is not None:
        function = one_function(a, b, policy) if one != other else UNKNOWN
        if function is not UNKNOWN:
            return function
        values = match(unnamed(a), unnamed(b), policy)
        if values is EQUAL and not one_name(one, other):
            return UNKNOWN
        return values if values is not UNKNOWN else verdict
    for x, y in ((a, b), (b, a)):
        if named(y) is not None and (solved := solves(x, y, policy)) is not None:
            return solved
    if (found := sets.compare(a, b, policy)) is not None:
        return found
    for x, y in ((a, b), (b, a)):
        if x.ops == ("in",) and named(y) is not None and x.sides[0] == y.sides[0]:
            return match(x.sides[1], unnamed(y), policy)
    return verdict


def _cases(a: Value, b: Value, policy: Policy) -> Verdict:
    """Functions in pieces: the same pieces; DIFFERENT only where one condition has two values."""
    if not (isinstance(a, Cases) and isinstance(b, Cases)):
        return _as_piece(a, b, policy)

    def condition(x: Value | None, y: Value | None) -> Verdict:
        if x is None or y is None:
            return EQUAL if x is y else UNKNOWN
        return match(x, y, policy)

    both = assigned(
        a.pieces,
        b.pieces,
        lambda x, y: every([condition(x[1], y[1]), match(x[0], y[0], policy)]),
    )
    if both is EQUAL or assigned(a.pieces, b.pieces, lambda x, y: condition(x[1], y[1])) is EQUAL:
        return both
    return UNKNOWN


def _as_piece(a: Value, b: Value, policy: Policy) -> Verdict:
    """A function in pieces, and something else: f(x) = {...} is what it names."""
    other = b if isinstance(a, Cases) else a
    if isinstance(other, Relation) and named(other) is not None:
        pieces = a if isinstance(a, Cases) else b
        return match(pieces, unnamed(other), policy)
    return UNKNOWN


def _relation_with(a: Relation, b: Value, policy: Policy) -> Verdict | None:
    """A relation and something that is none: x = 5 and 5, x < 5 and an interval."""
    if a.ops[-1] == "in" and len(a.ops) == 1:
        return match(a.sides[1], b, policy)
    if isinstance(b, Group) and (each := one_value(a)) is not None:
        return match(each, b, policy)
    if (solved := solves(a, b, policy)) not in (None, DIFFERENT):
        return solved
    if named(a) is not None:
        verdict = match(unnamed(a), b, policy)
        if verdict is not EQUAL and _rounded(a):  # 5/36 = 0.139 states the exact value as well
            return match(a.sides[0], b, policy)
        return verdict
    if set(a.ops) != {"="}:
        found = sets.compare(a, b, policy)
        if found is not None:
            return found
        return DIFFERENT if isinstance(b, Quantity | Ratio) else UNKNOWN
    first = a.sides[0]
    if isinstance(first, Quantity) and first.node.op == "+" and len(a.ops) == 1:
        return UNKNOWN if is_sum_of_letters(first.node) else DIFFERENT
    return DIFFERENT if match(unnamed(a), b, policy) is DIFFERENT else UNKNOWN


def _rounded(told: Relation) -> bool:
    """Whether an equation gives a value and then, as a decimal, what that rounds to."""
    first, last = told.sides[0], told.sides[-1]
    if not (isinstance(first, Quantity) and isinstance(last, Quantity) and last.node.digits):
        return False
    return not names(first.node) and same(first.node, last.node, Policy(rounded=1)) is EQUAL


def _grids(a: Value, b: Value, policy: Policy) -> Verdict:
    one, other = rows_of(a), rows_of(b)
    if one is None or other is None:
        return DIFFERENT
    if not (isinstance(a, Grid) and isinstance(b, Grid)):  # a vector may be written either way
        if len(one[0]) == 1 and len(other) == 1:
            one = [[row[0] for row in one]]
        elif len(other[0]) == 1 and len(one) == 1:
            other = [[row[0] for row in other]]
    if [len(row) for row in one] != [len(row) for row in other]:
        return DIFFERENT
    return every(
        [
            match(x, y, policy)
            for row, line in zip(one, other, strict=True)
            for x, y in zip(row, line, strict=True)
        ]
    )


def _groups(a: Value, b: Value, policy: Policy) -> Verdict:
    """Lists, sets, tuples and intervals, with each other and with a single value."""
    if not (isinstance(a, Group) and isinstance(b, Group)):
        group, thing = (a, b) if isinstance(a, Group) else (b, a)
        assert isinstance(group, Group)  # noqa: S101 (one of them is)
        if len(group.items) == 1 and group.brackets in ("", "()", "[]", "{}"):
            return _held(group, thing, policy)
        if policy.several == "last" and group.items and group.brackets in ("", "[]", "{}"):
            return match(group.items[-1], thing, policy)
        return DIFFERENT
    one, other = a.brackets, b.brackets
    for group, thing in ((a, b), (b, a)):
        if (
            group.brackets in ("{}", "")
            and len(group.items) == 1
            and thing.brackets not in ("{}", "")
        ):
            return _held(group, thing, policy)
    items, things = plain(a, b), plain(b, a)
    if "{}" in (one, other) and {one, other} <= {"{}", ""}:
        items = _distinct(items, policy) if one == "{}" else items
        things = _distinct(things, policy) if other == "{}" else things
    if len(items) != len(things):
        return DIFFERENT
    if "()" in (one, other) and (alternatives(a) or alternatives(b)):
        return UNKNOWN  # x = 1, 2 is no point
    loose = {"", "{}"}
    if (paired := by_name(items, things)) is not None:
        return every([match(x, y, policy) for x, y in paired])
    if one in loose and other in loose:
        if policy.list_order == "kept" and "{}" not in (one, other):
            return every([_item(x, y, policy) for x, y in zip(items, things, strict=True)])
        return unordered(items, things, policy)
    kinds = {one, other}
    if one != other and kinds not in ({"", "()"}, {"", "[]"}) and not (kinds == {"()", "[]"} and len(items) > 2):  # noqa: E501  # fmt: skip
        return DIFFERENT
    verdict = every([_item(x, y, policy) for x, y in zip(items, things, strict=True)])
    if verdict is DIFFERENT and "" in kinds and unordered(items, things, policy) is EQUAL:
        return UNKNOWN
    if verdict is EQUAL and kinds == {"", "[]"} and any(map(may_be_interval, (a, b))):
        return UNKNOWN  # [1, 3] beside 1, 3; but [3, 1] and [1, 2, 3] are lists, as Python prints
    return verdict


def _held(group: Group, thing: Value, policy: Policy) -> Verdict:
    """The only item of a group, and a single thing: {5} is as good as 5, but {{5}} is not."""
    compare = _item if group.brackets == "{}" else match
    return compare(group.items[0], thing, policy)


def _item(a: Value, b: Value, policy: Policy) -> Verdict:
    """Two items of larger things, where a set is not what it holds: {1, {2}} is not {1, 2}."""
    verdict = match(a, b, policy)
    return UNKNOWN if verdict is EQUAL and holds_items(a) != holds_items(b) else verdict


def _distinct(items: Sequence[Value], policy: Policy) -> Sequence[Value]:
    """The items of a set, each once."""
    kept: list[Value] = []
    for item in items:
        if not any(_item(item, other, policy) is EQUAL for other in kept):
            kept.append(item)
    return kept


def every(verdicts: Sequence[Verdict]) -> Verdict:
    """EQUAL if all are; DIFFERENT if one is."""
    if DIFFERENT in verdicts:
        return DIFFERENT
    return UNKNOWN if UNKNOWN in verdicts else EQUAL


def unordered(items: Sequence[Value], things: Sequence[Value], policy: Policy) -> Verdict:
    """Whether two collections of one size hold the same, each as often."""
    return assigned(items, things, lambda item, thing: _item(item, thing, policy))
