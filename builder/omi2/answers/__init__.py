r"""Answers: find them in a solution, compare them, sort them into classes for a vote.

This piece can be used alone; it knows nothing of the rest of omi2.

>>> from omi2.answers import Policy, classes, compare, extract, grade
>>> extract(r"... so the total is \boxed{0.5}.")
'0.5'
>>> compare("0.5", r"\frac{1}{2}")
<Verdict.EQUAL: 'equal'>
>>> grade("The answer is:\n\n5 apples", "5")
<Verdict.EQUAL: 'equal'>
>>> classes(["1/2", "3", "0.5", "50%"])
[0, 1, 0, 0]

**EQUAL** is said with a proof or by a convention that `Policy` names; **DIFFERENT** with a reason:
a point where two formulas differ, two values of one kind, two members of one closed class of words.
Everything else is **UNKNOWN**, which is no vote and no right answer, and no wrong one either:

>>> compare("infinite", "unbounded")
<Verdict.UNKNOWN: 'unknown'>
>>> compare("5 apples", "5 oranges"), compare("5 apples", "6 oranges")
(<Verdict.UNKNOWN: 'unknown'>, <Verdict.DIFFERENT: 'different'>)

What happens to an answer, from cheap to dear, and where to look:

    a solution's text    extract (boxed; column: millions at once) finds the answer in it
    key                  normalise: one spelling; equal keys are equal, plain numbers are settled
    read                 forms: tidy and dialects make one kind of text, lex tokens, cut pieces of
                         them; then brackets, statements, phrases and measured read the forms, and
                         formula (with commands, functions, numerals) what is mathematics. The
                         result is a `Value` of trees. Words and units: counting, moments, units
    match                two values, form by form: quantity, relations, sets (spans), residues,
                         wording; listed and assign for what holds several
    same                 probe: two formulas at fixed points where both are defined (so ln x^2 is
                         2 ln x, and x/x is 1), exact, or approximate with bounds that make a proof;
                         rounding for decimals, ambiguous where a notation has two readings
    compare              the above in this order; what stays in doubt goes to pool, whose worker
                         processes run a library
    classes              a vote

What no mathematics decides is a `Policy`: units, percent signs, the order of a list, roundings.

>>> compare("5 cm", "5"), compare("5 cm", "5", policy=Policy(units="required"))
(<Verdict.EQUAL: 'equal'>, <Verdict.DIFFERENT: 'different'>)

Conventions are not transitive (3:30 is 3:30 AM, and 3:30 PM); `classes` settles that the same way
in whatever order the answers come, and puts no two into a class that are DIFFERENT.

Limits: what reading and probing do not settle goes to worker processes (2 CPU seconds a pair unless
`timeout` says otherwise, 512 MB each), which are killed from outside and end with the program.

Not covered: answers that are equal only in the light of their problem ("positive integers only",
"the direction of the vector"); proofs; synonyms; other languages; units beyond the common ones.
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
