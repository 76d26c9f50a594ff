"""The protocol of text-generation-inference: POST /generate.

Its traps: top_p lies strictly between 0 and 1 (1.0 is refused: left out), temperature 0 means
do_sample false, at most four stop strings, an empty input is refused, the stop string stays in the
text, and above its limit it answers 429 at once instead of queueing. Not covered: streaming,
best_of, grammars.
"""

import httpx2

from omi2.teachers.protocol import Completion, Passing, Request, completion, post, read

MAX_STOPS = 4


async def identify(http: httpx2.AsyncClient, url: str) -> str:
    """The model that the server holds, with its commit where it says it."""
    try:
        info = read(await http.get(f"{url}/info"))
    except httpx2.TransportError as error:
        raise Passing(f"connection failed: {str(error) or type(error).__name__}") from None
    sha = info.get("model_sha")
    return f"{info.get('model_id', 'unknown')}{f'@{sha}' if sha else ''}"


async def complete(http: httpx2.AsyncClient, url: str, model: str, request: Request) -> Completion:
    """Ask for one completion."""
    parameters: dict[str, object] = {
        "max_new_tokens": request.max_tokens,
        "stop": list(request.stop[:MAX_STOPS]),
        "seed": request.seed,
        "details": True,
        "return_full_text": False,
        "do_sample": request.temperature > 0,
    }
    if request.temperature > 0:
        parameters["temperature"] = request.temperature
        if request.top_p < 1:
            parameters["top_p"] = request.top_p
    body: dict[str, object] = {"inputs": request.prompt, "parameters": parameters}
    answer = await post(http, f"{url}/generate", body)
    details = answer.get("details")
    if not isinstance(answer.get("generated_text"), str) or not isinstance(details, dict):
        raise Passing(f"the answer holds no completion: {str(answer)[:300]}")
    return completion(
        str(answer["generated_text"]),
        str(details.get("finish_reason")),
        int(details.get("generated_tokens", 0)),
        model,
        request,
    )
