"""What every teacher speaks: a request for raw completion, its answer, and how one can fail.

    TeacherError
    ├── Passing    busy, unreachable or garbled: ask again, better elsewhere
    ├── Refused    this request will never work (too long, not valid): the sample is dropped
    └── Fatal      no request to this endpoint will work (wrong key, no such model)

`Passing.kind` says what failed, for the endpoint's pace and for the sample's retry budget:

    busy       429: the endpoint wants less; the sample is not to blame
    away       no connection, 502, 503: the request was not worked on
    lost       the connection broke, or its time ran out, while the request was worked on
    broken     an answer that cannot be used: 424, 500, HTML, half a JSON, no end, no completion
    forbidden  403 to a prompt: a wrong key, or a gateway that lets this one prompt not through

Several choices of one request (`n`): every sample keeps its own content id, and the samples of a
group are asked for in one request with the seed of the first. A group is always the same samples
(blocks of `choices` from a problem's first one on), whatever of it is recorded already, so a rerun
asks for the same thing; a completion that came so carries the seed it was asked with.

Nothing here knows a protocol or a transport. Not covered: streaming.
"""

import functools
import json
from dataclasses import dataclass

import xxhash

CHARGED = ("lost", "broken", "forbidden")
"""The kinds of a failure that may be the sample's own fault, and use up its retry budget."""
MOST_REASON = 40
"""Characters of a finish_reason: they are short words, and every distinct one is counted."""


class TeacherError(Exception):
    """An endpoint did not give a completion."""


class Passing(TeacherError):
    """Not now, or not here. `pause`: seconds the endpoint asked for; `tokens`: what was lost."""

    def __init__(
        self, message: str, kind: str = "broken", *, pause: float = 0.0, tokens: int = 0
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.pause = pause
        self.tokens = tokens


class Refused(TeacherError):
    """This request is not valid and will never be."""


class Fatal(TeacherError):
    """Every request to this endpoint will fail."""


@functools.lru_cache(maxsize=256, typed=True)
def _json(*values: object) -> str:
    """A JSON list of these without its end: samples of one problem share all but the seed."""
    return json.dumps(values, ensure_ascii=True)[:-1]


@dataclass(frozen=True)
class Request:
    """A prompt to be completed, and how."""

    prompt: str
    temperature: float
    top_p: float
    max_tokens: int
    stop: tuple[str, ...]
    seed: int

    def key(self, model: str) -> str:
        """The name under which the ledger keeps what `model` said to this."""
        shared = _json(model, self.prompt, self.temperature, self.top_p, self.max_tokens, self.stop)
        return xxhash.xxh3_128_hexdigest(f"{shared}, {self.seed}]".encode())


@dataclass(frozen=True)
class Completion:
    """What a teacher said. `tokens` counts generated tokens; `refused`: why there is no text.

    `finish_reason` is the endpoint's word, or ours: `stop` where a stop string ended it, `refused`,
    or `failed` where the retry budget was spent.
    """

    text: str
    finish_reason: str
    tokens: int
    model: str
    refused: str = ""
    seed: int | None = None
    """The seed it was asked with where that is not the request's own: the first of its group."""


@dataclass(frozen=True)
class Served:
    """What an endpoint says of itself; 0 where it does not say."""

    model: str
    names: tuple[str, ...] = ()
    """Every name the model goes by there, or every model it serves; none where it does not say."""
    requests: int = 0
    """Requests at once, above which it refuses."""
    stops: int = 0
    """Stop strings in one request."""
    tokens: int = 0
    """Tokens of prompt and answer together."""
    wire: str = ""
    """What to call the model in a request, where that is another name."""
    several: bool = False
    """Whether it was seen to give as many different choices as `n` asks for."""


@dataclass(frozen=True)
class Said:
    """One completion as it came over the wire; `queued`: seconds it waited for a slot, if told."""

    text: str
    reason: str
    tokens: int
    queued: float = -1.0


def completion(
    said: Said, model: str, stops: tuple[str, ...], seed: int | None = None
) -> Completion:
    """A completion, cut at the first stop string (TGI leaves it in) and fit for UTF-8."""
    text, reason = said.text, utf8(said.reason)[:MOST_REASON]
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    if ends:
        text, reason = text[: min(ends)], "stop"
    return Completion(utf8(text), reason, said.tokens, model, seed=seed)


def utf8(text: str) -> str:
    """A text that any file can hold: JSON may tell half of a character pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
