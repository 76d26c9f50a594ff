"""The way to one endpoint: JSON over HTTP with aiohttp, and what each failure means.

aiohttp and not huggingface_hub's or openai's client: one process made 4,487 requests a second with
it against 578 and 283. Not PyPI's `text-generation` either: it opens a connection per request, pins
huggingface_hub below 1.0 and has had no release since 2024.

Three times out: ten seconds to connect, `timeout_s` to the first byte and in all (thirty for a GET,
which computes nothing), thirty for the body once it has begun. A body is read up to MAX_BODY and no
further, so one without an end costs no memory, and none is asked for or taken compressed, so a
small one stays small. Redirects are not followed: the key would go with
them. The key is in the session's headers alone; should an endpoint say it back, it is struck out of
every message that holds its words, before they are cut, and out of completions.

Not covered: streaming, HTTP/2, client certificates.
"""

import asyncio
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from omi2.errors import UsageError
from omi2.teachers.protocol import Fatal, Passing, Refused

if TYPE_CHECKING:
    import aiohttp  # a quarter of a second, and most commands ask nobody: loaded where it is used

CONNECT_SECONDS = 10.0
BODY_SECONDS = 30.0
PROBE_SECONDS = 30.0
MAX_BODY = 8 * 2**20
"""Bytes: a TGI answer holds about 100 for each token, so this is far above any real one."""
LONGEST_RETRY_AFTER = 300.0
SHORTEST_SECRET = 12
"""Characters: a shorter key is a word such as EMPTY, which a completion may well hold."""
MOST = 2**31 - 1
"""The largest count that is believed: more is no count of tokens, and may not fit a column."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """A JSON object and the headers it came with."""

    value: Json
    headers: Mapping[str, str]


class Link:
    """The connections to one endpoint. Use it as an async context."""

    def __init__(self, url: str, key_env: str, timeout_s: float) -> None:
        self.url = url
        self._key = os.environ.get(key_env, "") if key_env else ""
        self._wrong = (
            "the key was not accepted" if self._key else "it wants a key, and none was sent"
        )
        if key_env and not self._key:
            self._wrong += f": ${key_env} is not set"
        if not self._key.isprintable() or not self._key.isascii():
            raise UsageError(f"the key in ${key_env} holds a character that no HTTP header can")
        self.secret = len(self._key) >= SHORTEST_SECRET
        """Whether there is a key that no text may hold."""
        self._long = _timeout(timeout_s)
        self._short = _timeout(min(timeout_s, PROBE_SECONDS))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        import aiohttp

        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=self._short,
            headers=headers,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str) -> Reply:
        """The JSON object at a path. Raises TeacherError."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: Json) -> Reply:
        """The JSON object answered to this one. Raises TeacherError."""
        return await self._ask("POST", path, json.dumps(body).encode())

    async def text(self, path: str) -> str:
        """The text at a path. Raises TeacherError."""
        return (await self._read("GET", path, None))[1].decode("utf-8", "replace")

    async def healthy(self, path: str = "/health") -> bool:
        """Whether the endpoint calls itself healthy, with whatever body."""
        import aiohttp

        assert self._session is not None  # noqa: S101 (entered)
        try:
            async with self._session.get(self.url + path, allow_redirects=False) as response:
                return response.status == 200
        except (aiohttp.ClientError, OSError):
            return False

    async def _ask(self, method: str, path: str, data: bytes | None) -> Reply:
        response, body = await self._read(method, path, data)
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise self._failure(response, body) from None
        if isinstance(value, list) and len(value) == 1:  # TGI's POST / answers a list
            value = value[0]
        if isinstance(value, dict):
            return Reply(value, response.headers)
        raise self._failure(response, body)

    async def _read(
        self, method: str, path: str, data: bytes | None
    ) -> "tuple[aiohttp.ClientResponse, bytes]":
        """A response with status 200, whole."""
        import aiohttp

        assert self._session is not None  # noqa: S101 (entered)
        try:
            async with self._session.request(
                method,
                self.url + path,
                data=data,
                allow_redirects=False,
                timeout=self._long if data else self._short,
            ) as response:
                body = await _body(response)
        except aiohttp.ConnectionTimeoutError:
            raise Passing("no connection in time", "away") from None
        except TimeoutError:
            raise Passing("no answer in time", "lost") from None
        except aiohttp.ClientConnectorDNSError:
            raise Passing("its host name is not known", "away") from None
        except aiohttp.ClientSSLError as error:
            raise Passing(
                f"no secure connection: {self.quote(_ssl_cause(error))}", "away"
            ) from None
        except aiohttp.ClientConnectorError as error:
            told = os.strerror(error.errno or 0) if (error.errno or 0) > 0 else error.strerror
            raise Passing(f"no connection: {self.quote(told).lower()}", "away") from None
        except aiohttp.InvalidURL as error:
            raise Passing(f"no address: {self.quote(error)}", "away") from None
        except (aiohttp.ClientError, ConnectionError, ValueError) as error:
            told = self.quote(error) or type(error).__name__
            raise Passing(f"the connection broke: {told}", "lost") from None
        if response.status == 200 and body is not None:
            return response, body
        raise self._failure(response, body)

    def _failure(
        self, response: "aiohttp.ClientResponse", body: bytes | None
    ) -> Passing | Refused | Fatal:
        """What a response that is no JSON object means."""
        status = response.status
        if body is None:
            return Passing(f"the answer has no end (more than {MAX_BODY:,} bytes)")
        said = self.quote(body.decode("utf-8", "replace"))
        tokens = whole(response.headers.get("x-generated-tokens"))
        match status:
            case 403 if response.method == "POST":
                told = f"HTTP 403: this prompt is forbidden, or {self._wrong} ({said})"
                return Passing(told, "forbidden")
            case 401 | 403:
                return Fatal(f"HTTP {status}: {self._wrong} ({said})")
            case 404 | 405:
                return Fatal(f"HTTP {status}: no such route or model ({said})")
            case _ if 300 <= status < 400:
                return Fatal(f"HTTP {status}: it redirects elsewhere; name the address it leads to")
            case 400 | 413 | 414 | 422:
                return Refused(f"HTTP {status}: {said}")
            case 429:
                return Passing(f"HTTP 429: {said}", "busy", pause=pause_of(response.headers))
            case 502 | 503 | 504:
                return Passing(f"HTTP {status}: {said}", "away", pause=pause_of(response.headers))
            case 200 if packed := response.headers.get("content-encoding"):
                told = self.quote(packed)
                return Passing(f"the answer is compressed ({told}), which nobody asked for")
            case 200:
                return Passing(f"the answer is not JSON, or no object: {said}", tokens=tokens)
            case _:
                return Passing(f"HTTP {status}: {said}", tokens=tokens)

    def strike(self, said: str) -> str:
        """An endpoint's text without our key."""
        return said.replace(self._key, "***") if self.secret else said

    def quote(self, said: object) -> str:
        """An endpoint's words, for a message: on one line, without our key, 300 characters."""
        text = str(said)
        for key in {self._key, json.dumps(self._key)[1:-1], repr(self._key)[1:-1]} - {""}:
            text = text.replace(key, "***")
        return " ".join(text.split())[:300]


def _timeout(seconds: float) -> "aiohttp.ClientTimeout":
    import aiohttp

    return aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_SECONDS, seconds))


def _ssl_cause(error: "aiohttp.ClientSSLError") -> str:
    """What is wrong with a certificate, or with what came instead of TLS."""
    cause: Any = getattr(error, "certificate_error", None) or error.os_error
    told = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or str(cause)
    return told.replace("_", " ").lower()


async def _body(response: "aiohttp.ClientResponse") -> bytes | None:
    """The whole body, or None where it goes on beyond MAX_BODY."""
    if (response.content_length or 0) > MAX_BODY:
        response.close()
        return None
    if response.content.is_eof():  # it came with the head
        return await response.read()
    async with asyncio.timeout(BODY_SECONDS):
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                response.close()
                return None
    return b"".join(chunks)


def pause_of(headers: Mapping[str, str]) -> float:
    """Seconds that a Retry-After header asks for: a number, or a date by the answer's own clock."""
    asked = headers.get("retry-after", "0")
    try:
        seconds = float(asked)
    except ValueError:
        then, now = parsedate_tz(asked), parsedate_tz(headers.get("date", ""))
        if then is None or now is None:
            return 0.0
        try:
            seconds = float(mktime_tz(then) - mktime_tz(now))
        except (ValueError, OverflowError):
            return 0.0
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def whole(value: Any) -> int:
    """A count that an endpoint told, or 0."""
    try:
        return min(max(int(value), 0), MOST)
    except (TypeError, ValueError, OverflowError):
        return 0
