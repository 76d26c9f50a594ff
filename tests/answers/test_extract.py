"""Finding the answer: every form of box and of statement, what is not one, and hostile texts."""

import pytest

from omi2.answers.boxed import MAX_ANSWER, boxes
from omi2.answers.extract import extract


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"\boxed{5}", ["5"]),
        (r"\boxed {5}", ["5"]),
        (r"\boxed 5", ["5"]),
        (r"\boxed5", ["5"]),
        (r"\fbox{5} \framebox{6}", ["5", "6"]),
        (r"\boxed{\frac{1}{2}}", [r"\frac{1}{2}"]),
        (r"\boxed{\{1,2\}}", [r"\{1,2\}"]),  # escaped braces do not close it
        (r"\boxed{a\}b}", [r"a\}b"]),
        ("\\boxed{4\n}", ["4\n"]),
        (r"\boxed{\boxed{3}}", [r"\boxed{3}"]),  # the outermost
        (r"\boxed{1} \boxed{2}", ["1", "2"]),
        (r"\boxed{}", [""]),
        (r"{\boxed{5}}", ["5"]),
        (r"} \boxed{5}", ["5"]),  # a brace too many before it
        (r"{ \boxed{5}", ["5"]),
        (r"\boxed{5 and \boxed{6}", ["6"]),  # the outer one is never closed
        (r"$\boxed 5$", ["5"]),
        (r"\boxed 5.", ["5"]),
        (r"\boxed 2.5.", ["2.5"]),
        (r"\boxed 1,000, or", ["1,000"]),
        (r"\boxed\frac12 x", [r"\frac12"]),
        (r"\boxed\frac{1}{2} x", [r"\frac{1}{2}"]),
        (r"\boxed\text{on Monday} x", [r"\text{on Monday}"]),
        (r"\boxed\{1, 2\}.", [r"\{1, 2\}"]),
        (r"\boxed~5", ["5"]),
        (r"\boxed~{5}", ["5"]),
        (r"\framebox[2cm]{5}", ["5"]),
        (r"\boxed[1]{5}", ["5"]),
        (r"\boxed[1,2] x", ["[1,2]"]),
        (r"(so \boxed 5) x", ["5"]),
        (r"\boxed (1, 2] x", ["(1, 2]"]),
        ("\\boxed\n{5}", ["5"]),
        ("\\boxed\n\n and so", []),
        (r"\boxed{5", []),
        (r"\boxed{", []),
        (r"\boxed", []),
        (r"\boxed ", []),
        (r"\boxedx{5}", []),
        (r"\\boxed{5}", ["5"]),  # one backslash too many, as JSON leaves them
        (r"\\\boxed{5}", ["5"]),  # a line break, then a box
        (r"\\boxed{1} \\boxed{2}", ["1", "2"]),
        (r"\boxed\text{never closed", []),
        ("boxed{5}", []),
        ("", []),
    ],
)
def test_boxes(text: str, wanted: list[str]) -> None:
    found = boxes(text)
    assert [box.content for box in found] == wanted
    for box in found:
        assert text[box.start] == "\\"
        assert text[: box.end].endswith(box.content + "}") or text[: box.end].endswith(box.content)


def test_a_box_knows_its_place() -> None:
    (box,) = boxes(r"so \boxed{5}.")
    assert (box.start, box.end) == (3, 12)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (r"\boxed{1} then \boxed{2}", "2"),  # the last
        ("\\boxed{5}\n#### 6", "5"),  # a box before any statement
        (r"\boxed{ 5 }", "5"),
        (r"\boxed{5 \text{ cm}}", r"5 \text{ cm}"),
        ("#### 5", "5"),
        ("so\n#### 1,234 \n", "1,234"),
        ("#### $5", "5"),
        ("The final answer is 5.", "5"),
        ("the final answer is: $5$. Thanks", "5"),
        ("Final answer: 5", "5"),
        ("final answer = 7", "7"),
        ("so\nA: 26", "26"),
        ("Answer: 26", "26"),
        ("**Answer:** 26", "26"),
        ("**Answer**: 26", "26"),
        ("The answer is 2.5.", "2.5"),
        ("The answer is **12**.", "12"),
        ("The answer is $18 per day.", "18 per day"),  # a dollar that opens no formula
        (r"the answer is $\frac{1}{2}$", r"\frac{1}{2}"),
        (r"The answer is \(x+1\).", "x+1"),
        (r"The answer is \[x\]", "x"),
        ("The answer is $$7$$.", "7"),
        ("The answer is 4.\nNo: the answer is 5.", "5"),  # the last statement
        ("#### 6\nThe answer is 7.", "7"),
        (r"\boxed{1} and \boxed{2}", "1, 2"),  # one list
        (r"\boxed{-2} \quad \text{and} \quad \boxed{1}.", "-2, 1"),
        (r"\boxed{2}, \boxed{3}, \boxed{5}", "2, 3, 5"),
        (r"\boxed{4} \boxed{4}", "4"),
        ("\\boxed{4}\n\n\\boxed{5}", "5"),
        (r"\boxed{255}. The final answer is $10,455$. I hope", "10,455"),  # said after the box
        ("Final Answer: The final answer is $3$. I hope it is correct.", "3"),
        ("The answer is 4. No: the answer is 5.", "5"),  # two statements on one line
        ("Final answer: 4, so the answer is 5", "5"),
        ("#### 4 The answer is 5", "5"),
        ("The answer is $-3", "-3"),
        ("The answer is 5!", "5"),  # joy, not a factorial
        ("The answer is $5!$.", "5!"),
        ("The answer is:\n5", "5"),  # on the next line
        ("The answer is \n5", "5"),
        ("The answer is:\n\n$$5$$\nand so on", "5"),
        ("The answer is:\n\\[\n\\frac{1}{2}\n\\]\n", r"\frac{1}{2}"),
        ("The answer is: $$\n5\n$$", "5"),
        ("The final answer is:\n\n**42**", "42"),
        ("The answer is:\n\nTherefore, x = 5", "x = 5"),
        ("**Final Answer**\n\n5", "5"),
        ("### Final Answer\n\\(x=5\\)", "x=5"),
        ("**Final Answer:** 5", "5"),
        ("**Answer: 5**", "5"),
        ("Final answer: `5`", "5"),
        ("so answer is $5$.", "5"),
        ("Answer is 5", "5"),
        ("answer: 5", "5"),
        ("The correct answer is (B).", "(B)"),
        ("The answer to the problem is 5.", "5"),
        ("The answer is therefore $5$.", "5"),
        ("The answer is 3, not 4.", "3"),
        ("The answer is 5, which is prime.", "5"),
        ("The answer is $5$ or $6$.", "$5$ or $6$"),  # no half of it
        ("The answer is $5$ million.", "$5$ million"),
        ("The answer is $5$ apples.", "5"),
        ("The answer is 50 cm^2.", "50 cm^2"),
        (r"\boxed{\boxed{3}}", "3"),
        (r"\boxed{\text{Yes}}", r"\text{Yes}"),
        (r"\boxed{x=\{1,2\}}", r"x=\{1,2\}"),
        (r"\boxed{a\}b}", r"a\}b"),
        ("#### 5\n#### Step 2: check", "5"),
    ],
)
@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_extract(text: str, wanted: str, mode: str) -> None:
    assert extract(text, mode) == wanted


@pytest.mark.parametrize(
    ("text", "relaxed"),
    [  # strict finds nothing in any of them
        ("", None),
        ("no number", None),
        ("we get 3 and 4", "4"),
        ("The total is 1,234.50 and", "1,234.50"),
        ("it is -5", "-5"),
        ("it is −5", "−5"),
        ("x A: 26 y", "26"),
        ("so it is 2/3. <|im_start|>user", "2/3"),
        ("a price of 2,74 $ for it", "2,74"),
        ("Thus $x <= 2$ is it", "x <= 2"),
        ("for $x$ we get 7", "7"),
        ("with 8 we have $(7, 6)$ as a pair", "(7, 6)"),
        ("it grows by 28%", "28%"),
        ("so it is 1 1/2 of it", "1 1/2"),
        ("so it is -1/2", "-1/2"),
        (r"we get \frac{1}{2} of it", r"\frac{1}{2}"),
        (r"we get -1\frac{1}{2}", r"-1\frac{1}{2}"),
        ("7" * (MAX_ANSWER + 1), None),  # no half of a number
        ("$" + "7" * (MAX_ANSWER + 1) + "$", None),
        (r"\boxed{5", "5"),
        (r"The answer is \boxed{5", "5"),  # never closed
        ("The answer is", None),
        ("The answer is:\nLet us compute the sum of the 5 digits", "5"),  # prose
        ("Answer\n5", "5"),
    ],
)
def test_only_relaxed_takes_the_last_number(text: str, relaxed: str | None) -> None:
    assert extract(text) is None
    assert extract(text, "relaxed") == relaxed


@pytest.mark.parametrize("text", [r"5 \boxed{}", r"5 \boxed{ }"])
def test_an_empty_box_is_no_answer_and_hides_the_numbers_before_it(text: str) -> None:
    assert extract(text, "relaxed") is None


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_a_runaway_statement_is_no_answer(mode: str) -> None:
    assert extract("The answer is " + "7" * MAX_ANSWER, mode) == "7" * MAX_ANSWER
    assert extract("The answer is " + "7" * (MAX_ANSWER + 1), mode) is None
    assert extract("The answer is " + "7" * 10 * MAX_ANSWER, mode) is None


def test_a_runaway_box_is_no_answer() -> None:
    assert extract("\\boxed{" + "x" * MAX_ANSWER + "}") == "x" * MAX_ANSWER
    assert extract("\\boxed{" + "x" * (MAX_ANSWER + 1) + "}") is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1, 2 and 3", "3"),
        ("1,00", "1,00"),
        ("12,345", "12,345"),
        ("", None),
        ("7" * 500, "7" * 500),
        ("5 of $x$", "5"),
        ("5 of $x_1$", "x_1"),
    ],
)
@pytest.mark.parametrize("before", ["", " " * 1000])
def test_the_last_number(text: str, wanted: str | None, before: str) -> None:
    assert extract(before + text + before, "relaxed") == wanted


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        *("\\boxed{", "\\boxed ", "\\boxed 5", "\\boxed{1}", "{", "}", "\\", "\\{", "$", "####"),
        *("The answer is ", "Answer:", "final answer", "#### 5\n", "=", " ", "\n", "-", "1 "),
    ],
)
def test_a_megabyte_of_one_piece_ends_in_time(piece: str) -> None:
    found = extract(piece * (1_000_000 // len(piece)), "relaxed")
    assert found is None or 0 < len(found) <= MAX_ANSWER
