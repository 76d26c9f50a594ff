"""The OpenAI-style protocol: POST /v1/completions, as llama.cpp, vLLM, SGLang and TGI speak it.

Raw completion, never chat. Not covered: streaming, several choices in one request.
"""

import httpx2

from omi2.teachers.protocol import Completion, Passing, Request, completion, post, read


async def identify(http: httpx2.AsyncClient, url: str) -> str:
    """The id of the (first) model that the endpoint serves."""
    try:
        models = read(await http.get(f"{url}/v1/models")).get("data")
    except httpx2.TransportError as error:
        raise Passing(f"connection failed: {str(error) or type(error).__name__}") from None
    if isinstance(models, list) and models and isinstance(models[0], dict):
        return str(models[0].get("id") or "unknown")
    return "unknown"


async def complete(http: httpx2.AsyncClient, url: str, model: str, request: Request) -> Completion:
    """Ask for one completion."""
    answer = await post(
        http,
        f"{url}/v1/completions",
        {
            "model": model,
            "prompt": request.prompt,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "stop": list(request.stop),
            "seed": request.seed,
        },
    )
    try:
        choice = answer["choices"][0]  # type: ignore[index]
        text, reason = str(choice["text"]), str(choice.get("finish_reason"))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Passing(f"the answer holds no completion: {str(answer)[:300]}") from None
    usage = answer.get("usage")
    tokens = usage.get("completion_tokens", 0) if isinstance(usage, dict) else 0
    return completion(text, reason, int(tokens), model, request)
