"""The shortcut for ballots of plain integers says what `classes` says."""

from hypothesis import given
from hypothesis import strategies as st

from omi2.answers import classes
from omi2.stages.grade import integer_classes

SPELLINGS = st.sampled_from(["{}", "{:,}", "{}.0", "{}.00", "${}$", " {} ", "+{}", "-{}", "0{}"])
NUMBERS = st.integers(0, 30) | st.integers(990, 1010) | st.integers(0, 10**7)


@given(st.lists(st.builds(lambda s, n: s.format(n), SPELLINGS, NUMBERS), min_size=1, max_size=8))
def test_integers_are_sorted_as_classes_does(answers: list[str]) -> None:
    found = integer_classes(tuple(answers))
    if found is not None:
        assert found == classes(answers)
    elif all(text.isdigit() and len(text) < 7 for text in answers):
        raise AssertionError(f"{answers} took the long way")


def test_what_is_no_plain_integer_takes_the_long_way() -> None:
    for other in ("1/2", "0.5", "x", "5%", "1000000", "999999.5", "", "5 cm", "1e3"):
        assert integer_classes(("1", other)) is None
