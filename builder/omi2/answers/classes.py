"""Sort answers into classes of equal ones, for voting.

Answers with one key are one class at once. The keys are then taken in an order of their own, the
shortest spellings first (they state a value and no more), whatever order the answers came in: the
same answers give the same classes in any order.

Equality by `compare` is not transitive where a convention rounds or forgives: 3:30 is 3:30 AM, and
it is 3:30 PM. A key joins the first class whose head (its shortest spelling) is EQUAL to it and of
whose other members none is DIFFERENT from it. So 3:30 and 3:30 AM are one class and 3:30 PM is
another; no class holds two answers that are called different, and classes are transitive by
construction. UNKNOWN joins nothing.

Not covered: the best of all partitions (that is clustering, and not worth it for some ten answers).
"""

from collections.abc import Sequence

from omi2.answers.compare import compare_many
from omi2.answers.normalise import key
from omi2.answers.policy import DEFAULT, DIFFERENT, EQUAL, Policy


def classes(
    answers: Sequence[str], timeout: float = 2.0, policy: Policy = DEFAULT, workers: int = 1
) -> list[int]:
    """A class number for each answer; equal answers share one. Numbers rise by first appearance.

    >>> classes(["0.5", "1/2", "3"])
    [0, 0, 1]
    """
    distinct = dict.fromkeys(answers)
    keys = {answer: key(answer) for answer in distinct}
    spelled: dict[str, str] = {}  # the smallest spelling of each key
    for answer, its in keys.items():
        spelled[its] = min(answer, spelled.get(its, answer))
    groups: list[list[str]] = []
    for spelling in sorted(spelled.values(), key=_order):
        heads = [(group[0], spelling) for group in groups]
        told = compare_many(heads, workers, timeout, policy)
        for group, verdict in zip(groups, told, strict=True):
            others = [(member, spelling) for member in group[1:]]
            if verdict is EQUAL and DIFFERENT not in compare_many(others, 1, timeout, policy):
                group.append(spelling)
                break
        else:
            groups.append([spelling])
    group_of = {keys[member]: at for at, group in enumerate(groups) for member in group}
    numbers: dict[int, int] = {}
    return [numbers.setdefault(group_of[keys[answer]], len(numbers)) for answer in answers]


def _order(answer: str) -> tuple[int, str]:
    return len(answer), answer
