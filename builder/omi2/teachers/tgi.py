"""The protocol of text-generation-inference: POST /generate, and /info for its limits.

Its traps: top_p lies strictly between 0 and 1 (1.0 is refused: left out), temperature 0 means
do_sample false, a seed lies above 0, four stop strings at most (or as /info says), an empty input
is refused, the stop string stays in the text, and above its limit it answers 429 at once instead of
queueing. Payloads are those of huggingface_hub's TextGenerationInput and TextGenerationOutput (the
tests read each with them). Not covered: streaming, best_of (it forbids a seed), grammars.
"""

from typing import Any

from omi2.teachers.protocol import Passing, Request, Said, Served, utf8
from omi2.teachers.transport import Link, whole

MAX_STOPS = 4


async def identify(link: Link) -> Served:
    """The model that the server holds, with its commit where it says it, and its limits."""
    info = (await link.get("/info")).value
    if not isinstance(info.get("model_id"), str):
        raise Passing(f"GET /info names no model_id: {link.quote(info)}")
    sha, model = info.get("model_sha"), utf8(info["model_id"])
    full = utf8(f"{model}@{sha}") if sha else model
    return Served(
        full,
        (full, model),
        whole(info.get("max_concurrent_requests")),
        whole(info.get("max_stop_sequences")),
        whole(info.get("max_total_tokens")),
    )


async def complete(link: Link, served: Served, request: Request, choices: int = 1) -> list[Said]:
    """Ask for one completion, with as many stop strings as /info allows; never for several."""
    parameters: dict[str, Any] = {
        "max_new_tokens": request.max_tokens,
        "stop": list(request.stop[: served.stops or MAX_STOPS]),
        "seed": request.seed or 2**31,  # the documented range begins at 1; ours ends below 2**31
        "details": True,
        "return_full_text": False,
        "do_sample": request.temperature > 0,
    }
    if request.temperature > 0:
        parameters["temperature"] = request.temperature
        if request.top_p < 1:
            parameters["top_p"] = request.top_p
    reply = await link.post("/generate", {"inputs": request.prompt, "parameters": parameters})
    text, details = reply.value.get("generated_text"), reply.value.get("details")
    if not isinstance(text, str) or not isinstance(details, dict):
        raise Passing(f"the answer holds no completion: {link.quote(reply.value)}")
    waited = reply.headers.get("x-queue-time")
    return [
        Said(
            text,
            str(details.get("finish_reason")),
            whole(details.get("generated_tokens")),
            whole(waited) / 1000 if waited is not None else -1.0,
        )
    ]
