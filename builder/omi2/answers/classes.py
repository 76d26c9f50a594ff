"""Sort answers into classes of equal ones, for voting.

Answers with one key are one class at once. Between keys, each class is compared with the first
answer of the classes before it and joins the first that is EQUAL; UNKNOWN joins nothing. So the
result is transitive by construction and depends only on the order of the answers, which the
caller fixes.
"""

from collections.abc import Sequence

from omi2.answers.compare import Verdict, compare_many
from omi2.answers.normalise import key


def classes(answers: Sequence[str], timeout: float = 2.0) -> list[int]:
    """A class number for each answer; equal answers share one. Numbers rise by first appearance.

    >>> classes(["0.5", "1/2", "3"])
    [0, 0, 1]
    """
    heads: list[str] = []
    by_key: dict[str, int] = {}
    result = []
    for answer in answers:
        spelled = key(answer)
        if spelled not in by_key:
            verdicts = compare_many([(head, answer) for head in heads], timeout=timeout)
            equal = [at for at, verdict in enumerate(verdicts) if verdict is Verdict.EQUAL]
            by_key[spelled] = equal[0] if equal else len(heads)
            if not equal:
                heads.append(answer)
        result.append(by_key[spelled])
    return result
