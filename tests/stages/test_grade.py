"""Votes: plain numbers are sorted as `classes` does, and very many answers take bounded time."""

from collections import Counter, defaultdict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omi2 import rows
from omi2.answers import classes
from omi2.recipe import Grade
from omi2.stages import votes
from omi2.stages.votes import by_vote, number_classes

SPELLINGS = st.sampled_from(
    ["{}", "{}.5", "{:,}", "{}.0", "{}.00", "${}$", " {} ", "+{}", "-{}", "0{}", "{}.3333"]
) | st.sampled_from(["{}/3", "\\frac{{{}}}{{7}}", "\\text{{ }}{}"])
NUMBERS = st.integers(0, 30) | st.integers(990, 1010) | st.integers(0, 10**7)


def ballots(*ballots: list[str]) -> pl.DataFrame:
    """Each answer of each ballot, given once."""
    rows = [(str(number), text, 1) for number, b in enumerate(ballots) for text in b]
    return pl.DataFrame(rows, ["problem_id", "answer", "count"], orient="row")


def numbered(*given: list[str]) -> list[list[int] | None]:
    """The class of each number of each ballot, counted from 0; None where they are to be read."""
    told = []
    for _, table in number_classes(ballots(*given)).group_by("problem_id", maintain_order=True):
        names = table["class"].to_list()
        told.append([list(dict.fromkeys(names)).index(n) for n in names] if all(names) else None)
    return told


BALLOTS = st.lists(st.builds(lambda s, n: s.format(n), SPELLINGS, NUMBERS), min_size=1, max_size=8)


@given(st.lists(BALLOTS, min_size=1, max_size=3))
def test_numbers_are_sorted_as_classes_does(given: list[list[str]]) -> None:
    for answers, found in zip(given, numbered(*given), strict=True):
        if found is not None:
            assert found == classes(answers)
        elif all(text.isdigit() and len(text) < 7 for text in answers):
            raise AssertionError(f"{answers} took the long way")


def test_numbers_that_may_round_one_another_and_what_is_none_take_the_long_way() -> None:
    for other in ("1.001", "0.999", "x", "5%", "1000000", "", "5 cm", "1e3", "301/300", "5/0"):
        assert numbered(["2"], ["1", other], ["0.5"]) == [[0], None, [0]]
    assert numbered(["1", "1/2", "0.5", "1.00", "3"]) == [[0, 1, 1, 0, 2]]


@pytest.mark.parametrize(
    ("rules", "reasons", "expected"),
    [
        (Grade(), ["", "", "minority"], "1.0"),
        (Grade(min_votes=5), ["too_few_votes"] * 3, "1.0"),
        (Grade(min_share=0.6), ["too_few_votes"] * 3, "1.0"),
    ],
)
def test_the_largest_class_wins_under_its_commonest_spelling(
    rules: Grade, reasons: list[str], expected: str
) -> None:
    for other in ("2", "x"):  # read as a number, or compared
        given = ballots(["1", "1.0", other]).with_columns(count=pl.Series([1, 3, 3]))
        told = by_vote(given, rules).sort(pl.col("answer") == other)
        assert told["reason"].to_list() == reasons
        assert told["expected_answer"].to_list() == [expected] * 3


def vote(name: str, counts: dict[str, int], rules: Grade) -> tuple[str, list[str]]:
    """One problem's vote, as it is meant: the expected answer, and a reason for each answer."""
    spellings = defaultdict[int, list[str]](list)
    for text, number in zip(counts, classes([*counts]), strict=True):
        spellings[number].append(text)
    sizes = Counter({number: sum(map(counts.get, texts)) for number, texts in spellings.items()})
    most = max(sizes.values())
    common = {
        n: max(spellings[n], key=lambda text: counts[text]) for n in sizes if sizes[n] == most
    }
    if len(common) > 1 and rules.ties == "drop":
        return "", ["tie"] * len(counts)
    won = min(common, key=lambda number: rows.order("tie", name, common[number]))
    few = most < rules.min_votes or most < rules.min_share * sizes.total()
    right = ["too_few_votes" if few else "" if t in spellings[won] else "minority" for t in counts]
    return common[won], right


@given(
    st.lists(st.dictionaries(st.sampled_from(["1", "1.0", "1.00", "2", "02", "3", "x", "y", "$y$"]),
                             st.integers(1, 3) | st.just(10**6), min_size=1), max_size=6),
    st.builds(Grade, ties=st.sampled_from(["drop", "hash"]), min_votes=st.sampled_from([1, 3]),
              min_share=st.sampled_from([0.0, 0.5, 0.6])),
)  # fmt: skip
def test_problems_vote_each_for_itself(given: list[dict[str, int]], rules: Grade) -> None:
    told = [(str(n), text, many) for n, counts in enumerate(given) for text, many in counts.items()]
    schema = {"problem_id": pl.String, "answer": pl.String, "count": pl.UInt32}
    found = by_vote(pl.DataFrame(told, schema, orient="row"), rules)
    assert len(found) == len(told)
    for number, counts in enumerate(given):
        mine = found.filter(problem_id=str(number))
        expected, reasons = vote(str(number), counts, rules)
        assert set(mine["expected_answer"]) == {expected}
        assert dict(mine.select("answer", "reason").iter_rows()) == dict(
            zip(counts, reasons, strict=True)
        )


@pytest.mark.parametrize(("most", "reasons"), [(3, {"too_many_answers"}), (4, {"", "minority"})])
def test_what_was_not_compared_may_be_of_the_second_class(
    most: int, reasons: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(votes, "_MOST", 2)
    given = ballots(["x", "y", "z"]).with_columns(count=pl.Series([most, 2, 1]))
    assert set(by_vote(given, Grade())["reason"]) == reasons


@pytest.mark.timeout(60)
@pytest.mark.parametrize("ties", ["drop", "hash"])
def test_a_hundred_thousand_different_answers_take_a_second(ties: str) -> None:
    """Minutes, where a sum over the ballot is taken for each of its answers."""
    told = by_vote(ballots([*map(str, range(100_000))]), Grade(ties=ties))
    reasons = dict(told["reason"].value_counts().iter_rows())
    assert reasons == ({"": 1, "minority": 99_999} if ties == "hash" else {"tie": 100_000})
