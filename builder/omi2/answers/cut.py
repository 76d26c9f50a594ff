r"""Cut tokens at what stands in no bracket, before the pieces are read.

Also what is told beside an answer and belongs to it: a modulus at the end, a letter that runs over
the integers ("where k is an integer").
"""

from omi2.answers.lex import Token
from omi2.answers.trees import EVERY, Unreadable

MAX_ITEMS = 40
OPEN = {"(", "[", "\\{", "{"}
CLOSE = {")", "]", "\\}", "}"}
_EDGES = {",", ";", ".", ":", "?", "_", '"'}
_WHOLE = {"\\mathbbZ": "Z", "\\mathbbZ+": "Z+", "\\mathbbN": "N"}
DECLARING = {"\\in", "in", "integer", "integers"}
_BESIDE = {"where", "for", "with", "and", "any", "all", "some", "every", "integer", "integers",
           "an", "each", "is", "are", "be", "being", "a", "as", "when",
           "arbitrary", "if"}  # fmt: skip


def trim(found: list[Token]) -> list[Token]:
    """Tokens without the marks at their edges that say nothing."""
    start, end = 0, len(found)
    while start < end and (found[start].kind in _EDGES or _is_break(found[start])):
        start += 1
    while start < end and (found[end - 1].kind in _EDGES or _is_break(found[end - 1])):
        end -= 1
    return found[start:end]


def _is_break(token: Token) -> bool:
    return token.kind == "c" and token.text in ("\\\\", "\\therefore")


def split(found: list[Token], separators: set[str]) -> list[list[Token]]:
    """Cut at separators that stand in no bracket."""
    if separators.isdisjoint([token.text for token in found]):
        return [found]  # as it mostly is
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += step(token)
        if depth == 0 and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) > MAX_ITEMS:
        raise Unreadable("too many items")
    return [part for part in parts if trim(part)] if len(parts) > 1 else parts


def step(token: Token) -> int:
    """How a token changes the depth of brackets."""
    if token.kind in OPEN or token.text == "\\begin":
        return 1
    return -1 if token.kind in CLOSE or token.text == "\\end" else 0


def closes(found: list[Token]) -> int:
    """Where the bracket that opens the tokens is closed, by whatever bracket; -1 if nowhere."""
    depth = 0
    for at, token in enumerate(found):
        depth += step(token)
        if depth == 0:
            return at
    return -1


def declared(found: list[Token]) -> list[Token]:
    """What stands before "where k is an integer", with the letter marked as one of any name."""
    if DECLARING.isdisjoint([token.text for token in found]):
        return found
    at = next((i for i, t in enumerate(found) if i and _declares(found[i:])), None)
    if at is None:
        return found
    letter, kind = found[at].text, _kind(found[at:])
    before = found[:at]
    while before and (before[-1].kind in (",", "(", ";", ":") or before[-1].text in _BESIDE):
        before = before[:-1]
    if not any((t.kind, t.text) == ("v", letter) for t in before):
        return found
    return [t._replace(text=EVERY + kind) if t[:2] == ("v", letter) else t for t in before]


def _declares(found: list[Token]) -> bool:
    return found[0].kind == "v" and bool(_kind(found))


def _kind(found: list[Token]) -> str:
    """What a letter is said to be at the end of an answer: Z, N or nothing."""
    rest = [token.text for token in found[1:] if token.kind not in (")", ".", ",")]
    if len(rest) == 2 and rest[0] in ("\\in", "in"):
        return _WHOLE.get(rest[1], "")
    told = rest[-1:] in (["integer"], ["integers"]) and set(rest) <= _BESIDE
    return "Z" if told and len(rest) > 1 else ""
