"""Every rule on a solution's text (pipeline.md, section 2), hostile texts, judge and rewrite."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omi2.arithmetic import expand, value, wrong_arithmetic
from omi2.recipe import Filter
from omi2.rules import count_tokens, judge, rewrite


def solution(text: str, **rules: Any) -> str:
    """The released solution of a generation, whether it is kept or not."""
    found = judge(text, Filter(**{"min_chars": 0, **rules}))
    return rewrite(text, found.start, found.end, found.expanded)


def reason(text: str, **rules: Any) -> str:
    """Why a generation is dropped; "" if it is kept."""
    return judge(text, Filter(**{"min_chars": 0, **rules})).reason


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("My solution:\nIt is 5", "It is 5"),
        ("My solution: It is 5", "It is 5"),
        ("my solution:\nIt is 5", "It is 5"),
        ("\n My solution:\n\n It is 5", "It is 5"),
        ("**My solution:**\nIt is 5", "It is 5"),
        ("**My solution**:\nIt is 5", "It is 5"),
        ("First, my solution:\nIt is 5", "First, my solution:\nIt is 5"),  # not at the beginning
        ("Our solution:\nIt is 5", "Our solution:\nIt is 5"),
        ("It is 5  \n\n", "It is 5"),
    ],
)
def test_prefix(text: str, wanted: str) -> None:
    assert solution(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"\boxed{1}", ""),
        ("no box", ""),
        (r"\boxed{1} and \boxed{2}", "several_boxes"),
        (r"\boxed{1} and \boxed{1}", "several_boxes"),  # the same answer twice, too
        (r"\fbox{1} and \boxed{1}", "several_boxes"),
        (r"\boxed 1 and \boxed{1}", "several_boxes"),
        ("\\boxed{1}.\n\\boxed{2}", "several_boxes"),  # the cut comes after the count
        (r"\boxed{\boxed{1}}", ""),  # one inside the other
        (r"\boxed{\frac{1}{2}}", ""),
    ],
)
def test_several_boxes(text: str, wanted: str) -> None:
    assert reason(text) == wanted
    assert reason(text, one_box=False, box_matches=False) == ""


@pytest.mark.parametrize(
    ("text", "sentence", "line"),  # None where all of the text stays
    [
        (r"So \boxed{5}. Check it. Done", r"So \boxed{5}.", None),
        (r"So $\boxed{5}$ dollars! Yes", r"So $\boxed{5}$ dollars!", None),
        (r"Is it \boxed{5}? Yes", r"Is it \boxed{5}?", None),
        ("So \\boxed{5}\nCheck it", r"So \boxed{5}", r"So \boxed{5}"),
        ("So \\boxed{5}. Check it.\nMore", r"So \boxed{5}.", r"So \boxed{5}. Check it."),
        (r"A \boxed{5} is 2.5 long. X", r"A \boxed{5} is 2.5 long.", None),  # a decimal point
        ("First. So \\boxed{5}.", None, None),  # what stands before stays
        (r"So \boxed{5}", None, None),
        ("no box. here\nat all", None, None),
        # A display formula that holds the answer is not cut open.
        ("\\[x = \\boxed{5}\n\\]\nMore", "\\[x = \\boxed{5}\n\\]", "\\[x = \\boxed{5}\n\\]"),
        ("\\[x = \\boxed{5}.\\] More", "\\[x = \\boxed{5}.\\] More", None),
        ("\\[\\boxed{5}. \\] More. X", "\\[\\boxed{5}. \\]", None),
        ("$$x = \\boxed{5}.\n$$ More", "$$x = \\boxed{5}.\n$$", "$$x = \\boxed{5}.\n$$"),
        ("$$1$$\n\\boxed{5}. X", "$$1$$\n\\boxed{5}.", None),  # closed before the answer
        ("\\[1\\] $$2$$\n\\[\\boxed{5}\n\\] X", *["\\[1\\] $$2$$\n\\[\\boxed{5}\n\\]"] * 2),
        ("\\[\\boxed{5}\nnever closed", r"\[\boxed{5}", r"\[\boxed{5}"),
        ("$$\\boxed{5}\nnever closed", r"$$\boxed{5}", r"$$\boxed{5}"),
    ],
)
def test_trim(text: str, sentence: str | None, line: str | None) -> None:
    assert solution(text, trim="sentence") == (sentence or text)
    assert solution(text, trim="line") == (line or text)
    assert solution(text, trim="off") == text


def test_with_several_boxes_the_paper_cuts_after_the_first_and_the_repo_after_the_last() -> None:
    text = "\\boxed{1}.\nThen \\boxed{2}.\nMore"
    assert solution(text, trim="sentence") == r"\boxed{1}."
    assert solution(text, trim="line") == "\\boxed{1}.\nThen \\boxed{2}."


def test_prefix_and_trim_together_cut_both_ends() -> None:
    found = judge("My solution:\nSo \\boxed{5}. More", Filter(min_chars=0))
    assert (found.start, found.end) == (13, 26)


@pytest.mark.parametrize(
    "text",
    [
        "2+3 = 5",
        "so 2 + 3 = 5.",
        "2 - 3 = -1",
        "-3 + 5 = 2",
        "5 - (-3) = 8",
        "5 - -3 = 8",
        "(1+2)*(3+4) = 21",
        "100/4/5 = 5",
        "1/3 + 1/6 = 1/2",
        "2+3 = 4+1 = 5",
        "2+3 = 9 = 5",  # only the first and the last side count
        "10/3 = 3.3333",  # within 1e-4
        "1000000/3 = 333333",
        "0.1 + 0.2 = 0.3",  # exact, not floating point
        "x = 2 + 3 = 5",
        "2+2=4, 3+3=6",
    ],
)
def test_true_arithmetic(text: str) -> None:
    assert list(wrong_arithmetic(text)) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("so 2+3 = 6.", "2+3=6"),  # one operator
        ("2*3*4 = 25", "2*3*4=25"),  # several
        ("$2 + 3=6$", "2 + 3=6"),
        ("48/2 = 25 clips", "48/2=25"),
        ("<<48/2=25>>", "48/2=25"),
        ("-3 + 5 = 3", "-3 + 5=3"),
        ("5 - (-3) = 2", "5 - (-3)=2"),
        ("2 - 3 = 1", "2 - 3=1"),
        ("10/3 = 3.33", "10/3=3.33"),  # 1e-3 off
        ("1/2 + 1/2 = 2", "1/2 + 1/2=2"),
        ("2*3+4 = 10 = 11", "2*3+4=10=11"),
        ("(2+3)*2=11", "(2+3)*2=11"),
        ("2+2=4, 3+3=7", "3+3=7"),
        ("x = 2 + 3 = 6", "2 + 3=6"),
        ("2 + 3 = 6\\text{ apples}", "2 + 3=6"),
        ("1 - 1 = 0.00001", "1 - 1=0.00001"),  # relative, so nothing but 0 is near 0
    ],
)
def test_wrong_arithmetic(text: str, wanted: str) -> None:
    assert [chain for chain, _ in wrong_arithmetic(text)] == [wanted]
    assert judge(text, Filter(min_chars=0)).reason.startswith("wrong_arithmetic")
    assert judge(text, Filter(min_chars=0)).detail == wanted
    assert reason(text, arithmetic=False) == ""


@pytest.mark.parametrize(
    "text",
    [
        # cannot be evaluated
        "1/0 = 5",
        "2+3 = ",
        "(2+3)) = 6",
        "2 3 + 1 = 5",
        "2**3 + 1 = 8",
        "2(3) + 1 = 8",
        "1.2.3 + 1 = 5",
        "1+1 == 3",
        "(" * 30 + "1" + ")" * 30 + "+1 = 3",  # nested too deep
        # no calculation
        "3 = 4",
        "-3 = -4",
        "6 = 2 + 5",
        # part of a larger formula
        "2x = 6",
        "x - 2 + 5 = 8",
        "a + 2 + 3 = 6",
        "(x+1) + 2 + 3 = 6",
        "3 + 4 = 8y",
        "2 + 3 = 6 + x",
        "2+3=6+x",
        "2 + 3 = 2^3",
        "2 + 3 = 2 \\cdot 4",
        "2^3 + 1 = 8",
        "3 × 4 + 1 = 12",
        "\\frac{1}{2} + 3 = 5",
        "f(2) = 2+3 = 6",
        "2+3 = \\frac{10}{3}",
        "2+3=6_7",
        # percent
        "3+4=8%",
        "$12+5=18\\%$",
        "50% + 25% = 80%",
        "100 - 20% = 90",
        # thousands separators
        "1,000 + 500 = 1,600",
        "1000 + 500 = 1,600",
        "1,000 + 500 = 1600",
        # an operator before it, touching or not, in LaTeX or Unicode
        "5 \\times 4 + 3 = 23",
        "5\\cdot 4+3=23",
        "5 \\times (4 + 3) = 35",
        "x+2+5=8",
        "x*2+3=11",
        "8=x+2+3=8",
        "12÷4+5=8",
        "\\frac{1}{2}*3+4=5.5",
        "−3 + 5 = 2",
        "5 − 3 = 2",
        "√16 + 5 = 9",
        "√(9+7) = 4",
        "f (2+3) = 10",
        # read as something else
        "3+4 = 2 (mod 5)",
        "3 + 4 = 2 mod 5",
        "100 + 20 = 5!",
        "5 + 3 = 4 x 2",
        "10:30 + 2 = 12:30",
        "12 / 5 = 2 R 2",
        "12 / 5 = 2 remainder 2",
        "50% of 20 + 3 = 13",
    ],
)
def test_what_claims_nothing_about_plain_numbers_is_kept(text: str) -> None:
    assert list(wrong_arithmetic(text)) == []
    assert expand(text) == text


@pytest.mark.parametrize(
    "text",
    [
        r"\(2+3=6\)",
        r"\[ 2 + 3 = 6 \]",
        "(since 2+3=6)",
        "(2+3=6)",
        "1. 2+3=6",
        "5 − 3 = 3",
        "(2+3=6",
    ],
)
def test_a_claim_in_brackets_or_a_list_is_checked(text: str) -> None:
    assert len(list(wrong_arithmetic(text))) == 1


def test_one_operator_is_told_from_several() -> None:
    assert judge("2+3 = 6.", Filter(min_chars=0)).reason == "wrong_arithmetic_one_step"
    assert judge("2+3+4 = 6.", Filter(min_chars=0)).reason == "wrong_arithmetic"
    assert judge("2+3 = 6 and 2+3+4 = 6.", Filter(min_chars=0)).detail == "2+3+4=6"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("My solution is 5", "My solution is 5"),
        ("My solutions: x", "My solutions: x"),
        ("**My solution:** x", "x"),
        ("My solution\nx", "x"),
    ],
)
def test_only_a_heading_is_a_prefix(text: str, kept: str) -> None:
    found = judge(text, Filter(min_chars=0))
    assert text[found.start : found.end] == kept


@pytest.mark.parametrize("trim", ["sentence", "line"])
def test_an_environment_is_not_cut_open(trim: str) -> None:
    text = "\\begin{align*}\nx&=\\boxed{5}\n\\end{align*}\nmore"
    found = judge(text, Filter(min_chars=0, trim=trim))
    assert text[found.start : found.end] == text.removesuffix("\nmore")


@pytest.mark.parametrize(
    ("text", "count"), [("x = \\boxed{5}.", 7), ("a_1", 3), ("two  spaces", 3)]
)
def test_tokens_are_counted_as_llama_splits_text(text: str, count: int) -> None:
    assert count_tokens(text) == count


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("so 2+3*4 = 14 in all", "so 2+3*4 = 2+12 = 14 in all"),
        ("(1+2)*(3+4) = 21", "(1+2)*(3+4) = 3*(3+4) = 3*7 = 21"),
        ("((1+2)+3)*4 = 24", "((1+2)+3)*4 = (3+3)*4 = 6*4 = 24"),
        ("10-2-3 = 5", "10-2-3 = 8-3 = 5"),  # from the left
        ("8-4+2 = 6", "8-4+2 = 4+2 = 6"),
        ("100/4/5 = 5", "100/4/5 = 25/5 = 5"),
        ("8/4*2 = 4", "8/4*2 = 2*2 = 4"),
        ("(1+2)/4*5 = 3.75", "(1+2)/4*5 = 3/4*5 = 0.75*5 = 3.75"),  # not 3 / 20
        ("12/(2*3) = 2", "12/(2*3) = 12/6 = 2"),
        ("8-(4-2)-1 = 5", "8-(4-2)-1 = 8-2-1 = 6-1 = 5"),
        ("2.5*2+1 = 6", "2.5*2+1 = 5+1 = 6"),
        ("0.1+0.2+0.3 = 0.6", "0.1+0.2+0.3 = 0.3+0.3 = 0.6"),
        ("1+2+3 = 6, 4+5+6 = 15", "1+2+3 = 3+3 = 6, 4+5+6 = 9+6 = 15"),
        ("2+3 = 5", None),  # one step
        ("2+3*4=14=14", None),  # two equals signs
        ("7/3*3 = 7", None),  # a step that is no short decimal
        ("1-5+6 = 2", None),  # a step below zero
        ("-1+2+3 = 4", None),
        ("2+3*4 =", None),
        ("+".join(["1"] * 40) + " = 40", None),  # too many steps to read
    ],
)
def test_arithmetic_split(text: str, wanted: str | None) -> None:
    assert expand(text) == (wanted or text)
    assert solution(text) == (wanted or text)
    assert solution(text, arithmetic_split=False) == text


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("2+3*4", "14"),
        ("(2+3)*4", "20"),
        ("10-2-3", "5"),
        ("12/4/3", "1"),
        ("1/3", "1/3"),
        ("--2", "2"),
        ("2*-3", "-6"),
        (" 1.50 ", "3/2"),
        ("1e3", None),
        ("2^3", None),
        ("__import__", None),
        ("1/(2-2)", None),
        ("()", None),
        ("", None),
        ("1+", None),
        ("9" * 501, None),
    ],
)
def test_value(expression: str, wanted: str | None) -> None:
    found = value(expression)
    assert (None if found is None else str(found)) == wanted


@pytest.mark.parametrize(
    ("text", "rules", "wanted"),
    [
        ("a" * 200, {"min_chars": 200}, ""),
        ("a" * 199, {"min_chars": 200}, "too_short"),
        ("a" * 199 + "  \n", {"min_chars": 200}, "too_short"),  # white space does not count
        ("\\boxed{5}. " + "a" * 300, {"min_chars": 200}, "too_short"),  # nor what is cut off
        ("", {"min_chars": 0}, "too_short"),  # nothing is never a solution
        ("a " * 30, {"max_tokens": 30}, ""),
        ("a " * 31, {"max_tokens": 30}, "too_long"),
        ("\\boxed{5}.\n" + "a " * 50, {"max_tokens": 30}, ""),
        ("2+3*4 = 14", {"max_tokens": 12}, "too_long"),  # it is the expanded text that counts
        ("2+3*4 = 14", {"max_tokens": 12, "arithmetic_split": False}, ""),
    ],
)
def test_length(text: str, rules: dict[str, Any], wanted: str) -> None:
    assert reason(text, **rules) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", 0),
        ("Hello world", 2),
        ("don't", 2),
        ("1234567", 3),  # three digits at most
        ("a\n\nb", 3),
        ("$\\boxed{5}$.", 5),  # $, \boxed, {, 5, }$.
        ("été 東京", 2),
    ],
)
def test_count_tokens(text: str, wanted: int) -> None:
    assert count_tokens(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("So \\boxed{5}", ""),
        ("So 5.", "no_box"),
        ("So \\boxed{5", "no_box"),  # never closed
        ("```python\nprint(5)\n``` \\boxed{5}", "code"),
        ("<llm-code>\\boxed{5}", "code"),
        ("import math\n\\boxed{5}", "code"),
        ("x\n  from math import sqrt \\boxed{5}", "code"),
        ("def f(x): \\boxed{5}", "code"),
        ("We import 5 goods and define f(x) \\boxed{5}", ""),
        ("[asy] draw((0,0)--(1,1)); [/asy] \\boxed{5}", "diagram"),
        ("\\begin{tikzpicture} \\boxed{5}", "diagram"),
        ("\\begin{pmatrix}1\\end{pmatrix} \\boxed{5}", ""),
        ("\\includegraphics{a} \\boxed{5}", "diagram"),
        ("<svg width=1> \\boxed{5}", "diagram"),
        ("<|start_header_id|>assistant \\boxed{5}", "control_tokens"),
        ("[INST] x [/INST] \\boxed{5}", "control_tokens"),
        ("</s> \\boxed{5}", "control_tokens"),
        ("a <b> c and |x| < 3 \\boxed{5}", ""),
        ("\\boxed{5}. <|im_end|>", ""),  # it is cut off
    ],
)
def test_a_mark_is_flagged_and_drops_a_solution_only_where_told(text: str, wanted: str) -> None:
    found = judge(text, Filter(min_chars=0))
    assert found.flags == ((wanted,) if wanted else ())
    assert found.reason == ""
    assert reason(text, drop_marked=("no_box", "control_tokens", "diagram", "code")) == wanted
    assert reason(text, drop_marked=tuple({"no_box", "diagram"} - {wanted})) == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("So \\boxed{5}. No: the final answer is 7.", "7"),
        ("So \\boxed{5}.\nFinal answer: 5", None),
        ("So \\boxed{5}. We check it once more.", None),
        ("So \\boxed{5} and the final answer is 7", None),  # nothing is cut
    ],
)
def test_a_box_that_the_text_takes_back_is_dropped(text: str, wanted: str | None) -> None:
    found = judge(text, Filter(min_chars=0))
    assert found.reason == ("box_not_matching" if wanted else "")
    assert found.detail == (wanted or "")
    assert reason(text, box_matches=False) == reason(text, trim="off") == ""


def test_a_mark_that_is_none_is_refused() -> None:
    with pytest.raises(
        ValueError, match="drop_marked is 'diagrams': one of no_box, control_tokens"
    ):
        Filter(drop_marked=("diagrams",))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("trim", ["sentence", "line"])
@pytest.mark.parametrize(
    "piece",
    [
        *("=", "(", ")", "1+", "1=", "-", "1-", "1.", "((1+", "1+1=", "0", " ", "\n", "\t", "'s"),
        *("\\boxed{", "\\boxed ", "\\boxed{1}", "\\boxed 5", "{", "}", "$$", "\\[", "a.", "a"),
        *("My solution:", "import ", "`", "é", "<|", "\\begin{picture", "Final answer: 1 "),
    ],
)
def test_a_megabyte_of_one_piece_is_judged_in_time(piece: str, trim: str) -> None:
    text = piece * (1_000_000 // len(piece))
    found = judge(text, Filter(trim=trim))
    assert 0 <= found.start <= found.end <= len(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "claim",
    [
        "1 + " + "9" * 1_000_000 + " = 3",
        "9" * 1_000_000 + " * 2 = 3",
        "(" * 10_000 + "1+2" + ")" * 10_000 + " = 4",
        "-" * 10_000 + "1 + 1 = 4",
        "*".join(["99999999999999999999"] * 20_000) + " = 1",
        "9**9**9**9 + 1 = 2",
        "9^9^9^9 + 1 = 2",
        "1/" * 100_000 + "3 = 2",
        "1+1=" * 100_000 + "2",
    ],
    ids=["digits", "factor", "brackets", "signs", "product", "**", "^", "fractions", "chain"],
)
def test_hostile_arithmetic_is_not_read_and_keeps_the_row(claim: str) -> None:
    assert list(wrong_arithmetic(claim)) == []
    assert expand(claim) == claim


PIECES = st.sampled_from(
    [
        *("My solution:", "\\boxed{", "\\boxed 1", "}", "\\[", "\\]", "$$", ". ", "\n", " ", "é"),
        *("2+3*4 = 14", "=", "(", ")", "1", "+", "-", "/", "9.5", "x", "\x00"),
    ]
)


@given(
    text=st.text() | st.lists(PIECES, max_size=30).map("".join),
    trim=st.sampled_from(["sentence", "line", "off"]),
)
def test_rewrite_makes_what_judge_measured(text: str, trim: str) -> None:
    found = judge(text, Filter(trim=trim, min_chars=0, max_tokens=10_000))
    assert 0 <= found.start <= found.end <= len(text)
    made = rewrite(text, found.start, found.end, found.expanded)
    assert count_tokens(made) == found.tokens
    assert found.expanded == (made != text[found.start : found.end])
    if found.reason in ("", "too_short"):
        assert (made == "") == (found.reason == "too_short")
