"""What every teacher speaks: a request for raw completion, its answer, and how one can fail.

    TeacherError
    ├── Passing    busy or unreachable: try again, with a pause
    ├── Refused    this request will never work (too long, not valid): the row is dropped
    └── Fatal      no request will work (wrong key, no such model): the build stops

Nothing here knows a protocol; `openai.py` and `tgi.py` are one each.
"""

import json
from dataclasses import dataclass

import httpx2
import xxhash


class TeacherError(Exception):
    """An endpoint did not give a completion."""


class Passing(TeacherError):
    """Busy, restarting or unreachable. `pause` is what the endpoint asked for, in seconds."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


class Refused(TeacherError):
    """This request is not valid and will never be."""


class Fatal(TeacherError):
    """Every request to this endpoint will fail."""


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
        told = [
            model,
            self.prompt,
            self.temperature,
            self.top_p,
            self.max_tokens,
            self.stop,
            self.seed,
        ]
        return xxhash.xxh3_128_hexdigest(json.dumps(told, ensure_ascii=True).encode())


@dataclass(frozen=True)
class Completion:
    """What a teacher said. `tokens` counts generated tokens; `refused`: why there is no text."""

    text: str
    finish_reason: str
    tokens: int
    model: str
    refused: str = ""


def completion(text: str, reason: str, tokens: int, model: str, request: Request) -> Completion:
    """A completion, cut at the first stop string (TGI leaves it in) and fit for UTF-8."""
    ends = [at for stop in request.stop if (at := text.find(stop)) >= 0]
    if ends:
        text, reason = text[: min(ends)], "stop"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return Completion(text, reason, tokens, model)


async def post(http: httpx2.AsyncClient, url: str, body: dict[str, object]) -> dict[str, object]:
    """The JSON that an endpoint answers; raises one of the errors above."""
    try:
        response = await http.post(url, json=body)
    except httpx2.TimeoutException:
        raise Passing("no answer in time") from None
    except httpx2.TransportError as error:
        raise Passing(f"connection failed: {str(error) or type(error).__name__}") from None
    return read(response)


def read(response: httpx2.Response) -> dict[str, object]:
    """The JSON object of a response, or the error that its status means."""
    status = response.status_code
    said = " ".join(response.text[:300].split())
    if status in (401, 403):
        raise Fatal(f"HTTP {status}: the key was not accepted ({said})")
    if status == 404:
        raise Fatal(f"HTTP 404: no such route or model ({said})")
    if status in (400, 413, 422):
        raise Refused(f"HTTP {status}: {said}")
    if status != 200:
        raise Passing(f"HTTP {status}: {said}", _pause(response))
    try:
        value = response.json()
    except ValueError:
        raise Passing(f"the answer is not JSON: {said}") from None
    if isinstance(value, list) and len(value) == 1:  # TGI's POST / answers a list of one
        value = value[0]
    if not isinstance(value, dict):
        raise Passing(f"the answer is not an object: {said}")
    return value


def _pause(response: httpx2.Response) -> float:
    """Seconds that a Retry-After header asks for, at most a minute."""
    try:
        return min(max(float(response.headers.get("retry-after", 0)), 0.0), 60.0)
    except ValueError:
        return 0.0
