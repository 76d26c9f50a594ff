"""Sort answers into classes of equal ones, for voting.

Answers with one key are one class at once. Between keys, each class is compared with the first
answer of the classes before it and joins the first that is EQUAL; UNKNOWN joins nothing. So the
result is transitive by construction and depends only on the order of the answers, which the
caller fixes.
"""

from collections.abc import Sequence

from omi2.answers.compare import Verdict, compare_many
from omi2.answers.normalise import key
from omi2.answers.policy import DEFAULT, Policy


def classes(
    answers: Sequence[str], timeout: float = 2.0, policy: Policy = DEFAULT, workers: int = 1
) -> list[int]:
    """A class number for each answer; equal answers share one. Numbers rise by first appearance.

    >>> classes(["0.5", "1/2", "3"])
    [0, 0, 1]
    """
    heads: list[str] = []
    by_key: dict[str, int] = {}
    known: dict[str, int] = {}
    result = []
    for answer in answers:
        if answer not in known:
            spelled = key(answer)
            if spelled not in by_key:
                pairs = [(head, answer) for head in heads]
                verdicts = compare_many(pairs, workers, timeout, policy)
                at = verdicts.index(Verdict.EQUAL) if Verdict.EQUAL in verdicts else len(heads)
                by_key[spelled] = at
                if at == len(heads):
                    heads.append(answer)
            known[answer] = by_key[spelled]
        result.append(known[answer])
    return result
