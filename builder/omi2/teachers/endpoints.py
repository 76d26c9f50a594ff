"""Which endpoints: what a recipe, the command line or an endpoints file names.

One line of words each, the address first and options behind it:

    tgi:http://gpu1:8080
    openai:http://gpu2:8000 weight=2 concurrency=64 key_env=GPU2_KEY
    tgi:http://gpu4:8080 model=meta-llama/Llama-3.1-405B-Instruct
    chat:http://gpu3:8000
    embedded | embedded:FILE.gguf | embedded:ORG/REPO/FILE.gguf
    file:endpoints.txt

`weight` is how much more than another one an endpoint gets while there is too little work for all;
`concurrency` an upper limit of its own; `key_env` the name of the environment variable that holds
its key; `model` what rows call its model, believed whatever it says of itself (a server often says
a path). The lines of an endpoints file are read anew whenever it changes: endpoints are added and
drained while a build runs. An address with a key in it is refused: keys live in the environment.
"""

import difflib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from omi2.errors import UsageError
from omi2.recipe import Teacher
from omi2.sections import ENVIRONMENT
from omi2.teachers import chat, embedded, openai, tgi

PROTOCOLS: dict[str, ModuleType] = {"openai": openai, "tgi": tgi, "chat": chat}
OPTIONS = ("weight", "concurrency", "key_env", "model")
FILE = "file:"

log = logging.getLogger("omi2.teachers")


@dataclass(frozen=True)
class Endpoint:
    """One server: `kind` is its protocol; `model` is "" where it has to be asked."""

    kind: str
    url: str
    model: str
    concurrency: int
    weight: float = 1.0
    key_env: str = ""
    believed: bool = False
    """Whether its own line names the model."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.url}" if self.url else self.kind


def endpoint(spec: str, teacher: Teacher) -> Endpoint:
    """An endpoint from its line. Raises UsageError."""
    address, *words = spec.split() or [""]
    kind, _, rest = address.partition(":")
    if kind == "embedded" and not words:
        named = teacher.model or embedded.model_name(rest)
        return Endpoint(kind, rest, named, 1, believed=True)
    if kind not in PROTOCOLS or not rest.startswith(("http://", "https://")):
        raise UsageError(
            f"no such teacher {_safe(spec)!r}: embedded, embedded:FILE.gguf, "
            "openai:http://HOST:PORT, tgi:http://HOST:PORT, chat:http://HOST:PORT, "
            "file:ENDPOINTS.txt or replay:FILE.parquet"
        )
    try:
        url = urlsplit(rest)
        plain = url.hostname and url.port != 0 and "@" not in url.netloc
    except ValueError:  # brackets that do not close, a port that is no number
        plain = False
    if not plain or url.query or url.fragment:
        raise UsageError(
            f"{_safe(spec)!r} is no plain address: put a key into an environment variable and name "
            "that with key_env=NAME"
        )
    options = dict(_option(word, spec) for word in words)
    model = options.get("model") or teacher.model
    if model and kind == "chat" and not model.endswith(chat.SUFFIX):
        model += chat.SUFFIX
    return Endpoint(
        kind,
        rest.rstrip("/").removesuffix("/v1"),
        model,
        min(int(options.get("concurrency", teacher.concurrency)), teacher.concurrency),
        float(options.get("weight", 1.0)),
        options.get("key_env", teacher.key_env),
        "model" in options,
    )


def _option(word: str, spec: str) -> tuple[str, str]:
    """One name=value, checked."""
    name, _, value = word.partition("=")
    if name not in OPTIONS:
        close = difflib.get_close_matches(name, OPTIONS, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(OPTIONS)}"
        raise UsageError(f"{_safe(spec)!r}: an endpoint has no option {name!r}; {hint}")
    if name in ("key_env", "model"):
        what = {"key_env": "an environment variable", "model": "a model"}[name]
        good, needs = bool(value), f"the name of {what}"
        if name == "key_env" and value and not ENVIRONMENT.fullmatch(value):  # the key itself?
            raise UsageError(
                f"{_safe(spec)!r}: key_env needs {needs} that holds the key: capitals, digits, _"
            )
    else:
        needs = "a number above 0" if name == "weight" else "a whole number above 0"
        try:
            good = 0 < float(value) < float("inf") and (name == "weight" or int(value) >= 1)
        except ValueError:
            good = False
    if not good:
        raise UsageError(f"{_safe(spec)!r}: {name} is {value!r}: it needs {needs}")
    return name, value


def _safe(spec: str) -> str:
    """A line without what may be a password: before an @, or behind a ? or # of its address."""
    address, *options = spec.split() or [""]
    head, at, tail = address.rpartition("@")
    if at:
        address = f"{head.partition('//')[0]}//***@{tail}"
    address = re.sub(r"([?#]).*", r"\1***", address)
    told = [o if _harmless(*o.split("=", 1)) else f"{o.partition('=')[0]}=***" for o in options]
    return " ".join([address, *told])


def _harmless(name: str, value: str = "") -> bool:
    return name in OPTIONS and (
        name != "key_env" or not value or bool(ENVIRONMENT.fullmatch(value))
    )


def file_of(teacher: Teacher) -> Path | None:
    """The endpoints file, where the teacher is one."""
    files = [spec.removeprefix(FILE) for spec in teacher.endpoints if spec.startswith(FILE)]
    if files and len(teacher.endpoints) > 1:
        raise UsageError("an endpoints file names all endpoints: put the others into it")
    return Path(files[0]) if files else None


_held: dict[Teacher, tuple[str, list[Endpoint]]] = {}
"""What each endpoints file last held that could be used, and what was last said against it."""


def read(teacher: Teacher) -> list[Endpoint]:
    """Every endpoint of a teacher, each once. Raises UsageError.

    An endpoints file that is wrong by now, and was right before in this process, is only reported:
    what it held then is held on to, for weeks of work do not end at an edit.
    """
    path = file_of(teacher)
    if path is None:
        return _each(teacher.endpoints, teacher)
    try:
        found = _each(_lines(path), teacher)
    except UsageError as error:
        told, held = _held.get(teacher, ("", []))
        if not held:
            raise
        if told != str(error):
            log.warning("%s: until %s is mended, the endpoints stay as they are", error, path)
        _held[teacher] = (str(error), held)
        return held
    if _held.get(teacher, ("", found))[0]:
        log.warning("the endpoints file %s can be used again", path)
    _held[teacher] = ("", found)
    return found


def stamp(path: Path) -> str:
    """Which edit of a file this is; "" where it cannot be seen."""
    try:
        seen = path.stat()
    except OSError:
        return ""
    return f"{seen.st_ino} {seen.st_size} {seen.st_mtime_ns}"


def _lines(path: Path) -> list[str]:
    """The lines of an endpoints file that name an endpoint. Raises UsageError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the endpoints file {path} cannot be read: {error}") from None
    specs = [line for raw in lines if (line := raw.partition("#")[0].strip())]
    if not specs:
        raise UsageError(f"the endpoints file {path} names no endpoint")
    if any(spec.startswith(("embedded", "replay:", FILE)) for spec in specs):
        raise UsageError(f"{path}: an endpoints file names servers alone")
    return specs


def _each(specs: Iterable[str], teacher: Teacher) -> list[Endpoint]:
    found = {(e.kind, e.url): e for e in (endpoint(spec, teacher) for spec in specs)}
    return list(found.values())
