"""Answers: find them in a solution, compare them, sort them into classes for a vote.

>>> from omi2.answers import compare, extract
>>> compare(extract(r"... so the total is \\boxed{0.5}."), r"\\frac{1}{2}")
<Verdict.EQUAL: 'equal'>
"""

from omi2.answers.boxed import boxes
from omi2.answers.classes import classes
from omi2.answers.column import extract_column
from omi2.answers.compare import Verdict, compare, compare_many, grade, grader
from omi2.answers.extract import extract
from omi2.answers.normalise import answer_type, key
from omi2.answers.policy import Policy

__all__ = [
    "Policy",
    "Verdict",
    "answer_type",
    "boxes",
    "classes",
    "compare",
    "compare_many",
    "extract",
    "extract_column",
    "grade",
    "grader",
    "key",
]
