"""Chat as an option: POST /v1/chat/completions, the whole prompt as one user message.

Raw completion is the default, and the paper's: with a chat template more than half of the original
teacher's outputs fell back to its own layout (section 3.1). Rows from chat carry the model's name
with `+chat`, so that the two are never mixed and the ledger keeps them apart.
"""

from dataclasses import replace

from omi2.teachers import openai
from omi2.teachers.protocol import Request, Said, Served
from omi2.teachers.transport import Link

SUFFIX = "+chat"


async def identify(link: Link) -> Served:
    """The (first) model that the endpoint serves, marked as chat."""
    served = await openai.identify(link)
    return replace(served, model=served.model + SUFFIX)


async def complete(link: Link, served: Served, request: Request, choices: int = 1) -> list[Said]:
    """Ask for one answer, or for as many as `choices` in one request."""
    message = {"role": "user", "content": request.prompt}
    reply = await link.post(
        "/v1/chat/completions",
        {"messages": [message], **openai.sampling(served.wire, request, choices)},
    )
    return openai.said(link, reply.value, lambda choice: choice["message"]["content"])
