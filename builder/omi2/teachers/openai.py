"""The OpenAI-style protocol: POST /v1/completions, as llama.cpp, vLLM, SGLang and TGI speak it.

Raw completion. `chat.py` is the same with a chat template. TGI takes any model's name but "tgi" for
that of an adapter, so it is asked for as "tgi"; it is known by giving its model as owner of itself.
It refuses here what it refuses at /generate: a top_p of 1 (left out), a fifth stop string (not
sent; the text is cut there all the same). Others are told both: llama.cpp's own top_p is 0.95.

`n` choices of one request are honoured by vLLM, SGLang and llama.cpp (up to its slots), and ignored
by TGI, so an endpoint is tried once: it counts as able if it gives as many choices as it was asked
for and they are not all the same (a server that samples each with the one seed gives copies).
Tokens are told for all choices together: each gets its share by the length of its text.
Not covered: streaming.
"""

from itertools import accumulate
from typing import Any

from omi2.teachers.protocol import Passing, Request, Said, Served, TeacherError, utf8
from omi2.teachers.tgi import MAX_STOPS
from omi2.teachers.transport import Json, Link, whole

TGI = "tgi"
"""What TGI's own model has to be called."""
PROBE = Request("Ten words that have nothing to do with each other:\n", 1.5, 1.0, 16, (), 11)


async def identify(link: Link) -> Served:
    """The id of the (first) model that the endpoint serves; vLLM tells its context too."""
    models = (await link.get("/v1/models")).value.get("data")
    if isinstance(models, list) and models and isinstance(models[0], dict):
        model, name = models[0], utf8(str(models[0].get("id") or "unknown"))
        wire = TGI if model.get("owned_by") == name else ""
        names = tuple(utf8(str(m["id"])) for m in models if isinstance(m, dict) and m.get("id"))
        return Served(name, names, tokens=whole(model.get("max_model_len")), wire=wire)
    return Served("unknown")


async def complete(link: Link, served: Served, request: Request, choices: int = 1) -> list[Said]:
    """Ask for one completion, or for as many as `choices` in one request."""
    reply = await link.post(
        "/v1/completions",
        {"prompt": request.prompt, **sampling(served.wire, request, choices)},
    )
    return said(link, reply.value, lambda choice: choice["text"])


async def gives_several(ask: Any, link: Link, served: Served, choices: int) -> bool:
    """Whether `ask` (this module's `complete`, or chat's) gets as many choices as it asks for."""
    try:
        found = await ask(link, served, PROBE, choices)
    except TeacherError:
        return False
    return len(found) == choices and len({one.text for one in found}) > 1


def sampling(model: str, request: Request, choices: int) -> Json:
    """The fields that raw completion and chat share."""
    tgi = model == TGI
    return {
        "model": model,
        **({"n": choices} if choices > 1 else {}),
        "temperature": request.temperature,
        **({} if tgi and request.top_p >= 1 else {"top_p": request.top_p}),
        "max_tokens": request.max_tokens,
        "stop": list(request.stop[:MAX_STOPS] if tgi else request.stop),
        "seed": request.seed,
    }


def said(link: Link, value: Json, text_of: Any) -> list[Said]:
    """The choices of an answer. Raises Passing where there is none."""
    try:
        found = [(text_of(choice), str(choice.get("finish_reason"))) for choice in value["choices"]]
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Passing(f"the answer holds no completion: {link.quote(value)}") from None
    if not found or not all(isinstance(text, str) for text, _ in found):
        raise Passing(f"the answer holds no completion: {link.quote(value)}")
    usage = value.get("usage")
    tokens = whole(usage.get("completion_tokens")) if isinstance(usage, dict) else 0
    if len(found) == 1:
        return [Said(*found[0], tokens)]
    ends = list(accumulate(len(text) + 1 for text, _ in found))
    shares = [tokens * end // ends[-1] for end in ends]
    return [
        Said(text, reason, share - before)
        for (text, reason), share, before in zip(found, shares, [0, *shares], strict=False)
    ]
