"""Text from elsewhere, made fit to be shown: visible, short, and without tokens.

What people wrote on the Hub, what a server answers and what a hostile manifest holds ends on
somebody's terminal. `plain` leaves nothing that a terminal would act on, `brief` cuts a value of
any size and depth, `scrub` takes out what looks like a token, and the very token in use.
"""

import contextlib
import re
import reprlib

BRIEF = 80
"""How many characters of a wrong value are quoted."""

_TOKEN = re.compile(
    r"\b(hf_(?:oauth|jwt)_)[A-Za-z0-9_.=-]{6,}"
    r"|\b(hf_|api_org_)[A-Za-z0-9]{6,}"
    r"|\b(eyJ)[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_.-]+"  # any other JSON web token
)


def plain(text: str) -> str:
    """One line that a terminal takes for nothing but text: all else is written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def lines(text: str) -> str:
    """`plain`, line by line."""
    return "\n".join(map(plain, text.split("\n")))


def brief(value: object) -> str:
    """The value as Python writes it, cut to BRIEF characters whatever its size and depth."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother, short.maxlong = 2, BRIEF, BRIEF, BRIEF
    try:
        said = short.repr(value)
    except ValueError:  # a number of thousands of digits
        return "a number too long to write"
    return plain(said if len(said) <= BRIEF else said[: BRIEF - 3] + "...")


def scrub(text: str) -> str:
    """The text without anything that looks like a token, and without the one in use."""
    token = None
    with contextlib.suppress(Exception):  # an error is being told: no second one in its place
        from huggingface_hub import get_token

        token = get_token()
    if token and len(token) > 3:
        text = text.replace(token, "…")
    return _TOKEN.sub(lambda found: f"{next(filter(None, found.groups()))}…", text)
