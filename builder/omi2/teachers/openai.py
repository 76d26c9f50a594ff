"""The OpenAI-style protocol: POST /v1/completions, as llama.cpp, vLLM, SGLang and TGI speak it.

Raw completion. `chat.py` is the same with a chat template. TGI takes any model's name but "tgi" for
that of an adapter, so it is asked for as "tgi"; it is known by giving its model as owner of itself.
Not covered: streaming; several choices in one request (see `protocol`).
"""

from typing import Any

from omi2.teachers.protocol import Passing, Request, Said, Served
from omi2.teachers.transport import Json, Link, whole


async def identify(link: Link) -> Served:
    """The id of the (first) model that the endpoint serves; vLLM tells its context too."""
    models = (await link.get("/v1/models")).value.get("data")
    if isinstance(models, list) and models and isinstance(models[0], dict):
        model, name = models[0], str(models[0].get("id") or "unknown")
        wire = "tgi" if model.get("owned_by") == name else ""
        return Served(name, tokens=whole(model.get("max_model_len")), wire=wire)
    return Served("unknown")


async def complete(link: Link, model: str, served: Served, request: Request) -> Said:
    """Ask for one completion."""
    reply = await link.post(
        "/v1/completions",
        {"model": served.wire or model, "prompt": request.prompt, **sampling(request)},
    )
    return said(reply.value, lambda choice: choice["text"])


def sampling(request: Request) -> Json:
    """The fields that raw completion and chat share."""
    return {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop),
        "seed": request.seed,
    }


def said(value: Json, text_of: Any) -> Said:
    """The first choice of an answer. Raises Passing where there is none."""
    try:
        choice = value["choices"][0]
        text, reason = text_of(choice), choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Passing(f"the answer holds no completion: {str(value)[:300]}") from None
    if not isinstance(text, str):
        raise Passing(f"the answer holds no completion: {str(value)[:300]}")
    usage = value.get("usage")
    tokens = whole(usage.get("completion_tokens")) if isinstance(usage, dict) else 0
    return Said(text, str(reason), tokens)
