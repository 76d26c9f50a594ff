"""Servers that speak the endpoints' protocols over real sockets, for tests.

They stand in for what cannot run here: text-generation-inference, and vLLM, SGLang or llama.cpp on
a GPU. They refuse requests as TGI does (top_p strictly between 0 and 1, temperature above 0, an
input, at most four stops, 429 above `room`) and answer in the real shapes: each request and answer
of /generate and of chat is read with huggingface_hub's typed payloads (it has none for
/v1/completions), each error with its error classes, and where ../shared stands beside the checkout
every one of them with TGI's published OpenAPI document; a difference fails the test that used the
server. Two things that the document does not say of the OpenAI-style routes are let pass: `prompt`
may be a text (TGI's own reader takes both, the document has lists alone), and `n` may be asked for
(TGI does not read it on /v1/completions; others honour it). With `owner` the model itself, as TGI
says it, such a server refuses what TGI refuses there, where temperature may be 0.
Not covered: streaming, a list of prompts in one request, log probabilities, tools, tokenisation,
speed; what vLLM and SGLang add to the shapes.

`behave(prompt, how often it was asked)` decides what a request gets: a text, an (HTTP status, body)
or (status, body, headers) where the body is JSON, text or bytes, or one of the faults below.
"""

import asyncio
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from huggingface_hub import (
    ChatCompletionInput,
    ChatCompletionOutput,
    TextGenerationInput,
    TextGenerationOutput,
)
from huggingface_hub.errors import UnknownError
from huggingface_hub.inference._common import _parse_text_generation_error
from huggingface_hub.inference._generated.types import TextGenerationInputGenerateParameters

from omi2.teachers import crew, member
from openapi import violations

Behave = Callable[[str, int], Any]


@dataclass(frozen=True)
class Cut:
    """These bytes on the bare connection, then nothing more: it closes."""

    data: bytes = b""


@dataclass(frozen=True)
class Endless:
    """A body that never ends: this chunk again and again."""

    chunk: bytes = b" " * 65536
    pause: float = 0.0


@dataclass(frozen=True)
class Slow:
    """The same after some seconds."""

    seconds: float
    then: Any


@dataclass
class Served:
    """A running server: its address and what it was asked."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    turned_away: int = 0
    up: bool = True
    """Whether /info, /health and /v1/models answer."""
    metrics: str = ""
    """What GET /metrics says; 404 where it is empty."""
    choices: int = 1
    """How many choices of one request an OpenAI-style server gives at most."""
    copies: bool = False
    """Whether they are all the same, as where each is sampled with the one seed."""


def tgi_refusal(body: dict[str, Any]) -> str | None:
    """Why TGI would refuse this request (router/src/validation.rs), or None."""
    parameters = body.get("parameters", {})
    if not body.get("inputs"):
        return "`inputs` cannot be empty"
    if "top_p" in parameters and not 0 < parameters["top_p"] < 1:
        return "`top_p` must be > 0.0 and < 1.0"
    if "temperature" in parameters and not parameters["temperature"] > 0:
        return "`temperature` must be strictly positive"
    if len(parameters.get("stop", [])) > 4:
        return "`stop` supports up to 4 stop sequences"
    return None


def openai_refusal(body: dict[str, Any]) -> str | None:
    """The same on its OpenAI-style routes, where a temperature of 0 is greedy."""
    sent = {name: body[name] for name in ("top_p", "stop") if name in body}
    return tgi_refusal({"inputs": body.get("prompt") or body.get("messages"), "parameters": sent})


def tgi_answer(text: str, tokens: int = 7, reason: str = "eos_token") -> dict[str, Any]:
    """An answer of POST /generate."""
    details = {
        "finish_reason": reason, "generated_tokens": tokens, "seed": 1, "prefill": [],
        "tokens": [{"id": 5, "text": "x", "logprob": -0.5, "special": False}],
    }  # fmt: skip
    return {"generated_text": text, "details": details}


def tgi_info(model: str, room: int) -> dict[str, Any]:
    """The answer of GET /info."""
    return {
        "model_id": model, "model_sha": "abc", "max_concurrent_requests": room, "max_best_of": 2,
        "max_stop_sequences": 4, "max_input_tokens": 3072, "max_total_tokens": 4096,
        "validation_workers": 2, "max_client_batch_size": 4, "router": "text-generation-router",
        "version": "3.3.7",
    }  # fmt: skip


def _mistyped(kind: type, value: dict[str, Any]) -> list[str]:
    """Keys that huggingface_hub's type does not know."""
    return [f"{kind.__name__} has no {key}" for key in value
            if key not in {f.name for f in dataclasses.fields(kind)}]  # fmt: skip


@contextmanager
def serve(
    protocol: str,
    behave: Behave,
    model: str = "made-model",
    room: int = 128,
    info: Any = None,
    port: int = 0,
    owner: str = "made",
) -> Iterator[Served]:
    """A server on a free loopback port, in a thread of its own; `info` is said instead of its own
    account of itself; `owner` owns the model of an OpenAI-style one."""
    counts: dict[str, int] = {}
    served = Served("")

    def check(kind: type, schema: str, value: dict[str, Any]) -> None:
        served.wrong.extend(_mistyped(kind, value))
        served.wrong.extend(violations(schema, value))

    def error(status: int, said: str, kind: str) -> web.Response:
        body = {"error": said, "error_type": kind}
        check_error(body)
        return web.json_response(body, status=status)

    def check_error(body: dict[str, Any]) -> None:
        served.wrong.extend(violations("ErrorResponse", body))
        known = _parse_text_generation_error(body["error"], body["error_type"])
        if type(known) is UnknownError and body["error_type"] != "healthcheck":
            served.wrong.append(f"huggingface_hub knows no error_type {body['error_type']!r}")

    async def get(request: web.Request) -> web.StreamResponse:
        served.headers.append(dict(request.headers))
        if not served.up:
            return error(503, "unhealthy", "healthcheck")
        if request.path == "/health":
            return web.Response()
        if request.path == "/metrics" and served.metrics:
            return web.Response(text=served.metrics)
        if info is not None:
            return await answer(request, info)
        if protocol == "tgi" and request.path == "/info":
            served.wrong.extend(violations("Info", tgi_info(model, room)))
            return web.json_response(tgi_info(model, room))
        if protocol != "tgi" and request.path == "/v1/models":
            told = {"id": model, "object": "model", "created": 0, "owned_by": owner}
            served.wrong.extend(violations("ModelInfo", told))
            return web.json_response({"object": "list", "data": [told]})
        return web.json_response({"error": "no such route"}, status=404)

    async def post(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        messages = body.get("messages") or [{"content": ""}]
        prompt = body.get("inputs") or body.get("prompt") or messages[0]["content"]
        served.asked.append(body)
        served.headers.append(dict(request.headers))
        counts[prompt] = counts.get(prompt, 0) + 1
        if protocol == "tgi":
            check(TextGenerationInput, "GenerateRequest", body)
            check(TextGenerationInputGenerateParameters, "GenerateParameters", body["parameters"])
            TextGenerationInput.parse_obj_as_instance(body)
        elif request.path == "/v1/chat/completions":
            check(ChatCompletionInput, "ChatRequest", body)
            ChatCompletionInput.parse_obj_as_instance(body)
        else:
            said_so = {name: value for name, value in body.items() if name != "n"}
            sent = {**said_so, "prompt": [prompt]} if isinstance(prompt, str) else said_so
            served.wrong.extend(violations("CompletionRequest", sent))
        refuses = tgi_refusal if protocol == "tgi" else openai_refusal
        if (protocol == "tgi" or owner == model) and (refusal := refuses(body)):
            return error(422, refusal, "validation")
        if served.at_once >= room:
            served.turned_away += 1
            return error(429, "Model is overloaded", "overloaded")
        served.at_once += 1
        served.most_at_once = max(served.most_at_once, served.at_once)
        try:
            said = behave(prompt, counts[prompt])
            several = min(body.get("n", 1), served.choices)
            if several > 1 and isinstance(said, str):
                texts = [said if served.copies else f"{said} #{k}" for k in range(several)]
                return web.json_response(choices(request.path, texts))
            return await answer(request, said)
        finally:
            served.at_once -= 1

    async def answer(request: web.Request, said: Any) -> web.StreamResponse:
        if isinstance(said, Slow):
            await asyncio.sleep(said.seconds)
            return await answer(request, said.then)
        if isinstance(said, Cut):
            assert request.transport is not None
            request.transport.write(said.data)
            request.transport.close()
            return web.Response()
        if isinstance(said, Endless):
            stream = web.StreamResponse()
            await stream.prepare(request)
            while True:
                await stream.write(said.chunk)
                await asyncio.sleep(said.pause)
        if isinstance(said, tuple):
            status, content, *headers = said
            told = headers[0] if headers else {}
            if isinstance(content, bytes):
                return web.Response(status=status, body=content, headers=told)
            if isinstance(content, str):
                return web.Response(status=status, text=content, headers=told)
            if protocol == "tgi" and "error_type" in content:  # else a gateway's, or garbled
                check_error(content)
            return web.json_response(content, status=status, headers=told)
        if protocol == "tgi":
            whole = tgi_answer(said)
            check(TextGenerationOutput, "GenerateResponse", whole)
            TextGenerationOutput.parse_obj_as_instance(whole)
            return web.json_response(whole, headers={"x-queue-time": "3"})
        return web.json_response(choices(request.path, [said]))

    def choices(path: str, texts: list[str]) -> dict[str, Any]:
        chat = path == "/v1/chat/completions"
        found: list[dict[str, Any]] = []
        for at, text in enumerate(texts):
            content = (
                {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
            )
            found.append({**content, "index": at, "finish_reason": "stop"})
        tokens = 7 * len(texts)
        usage = {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens}
        whole = {"id": "", "created": 0, "model": model, "choices": found,
                 "system_fingerprint": "3.3.7-native", "usage": usage}  # fmt: skip
        if chat:  # neither knows the word that tells its kind
            check(ChatCompletionOutput, "ChatCompletion", whole)
            ChatCompletionOutput.parse_obj_as_instance(whole)
            return {**whole, "object": "chat.completion"}
        whole["object"] = "text_completion"
        served.wrong.extend(violations("Completion", whole))
        return whole

    async def run() -> None:
        control.update(loop=asyncio.get_running_loop(), end=asyncio.Event())
        app = web.Application()
        posts = ["/generate"] if protocol == "tgi" else ["/v1/completions", "/v1/chat/completions"]
        app.add_routes([web.post(path, post) for path in posts])
        app.add_routes([web.get("/{path:.*}", get)])
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024, reuse_address=True)
        await site.start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await control["end"].wait()
        await runner.cleanup()
        await asyncio.sleep(0.01)  # connections that are closing come to their end

    control: dict[str, Any] = {}
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    try:
        yield served
    finally:
        control["loop"].call_soon_threadsafe(control["end"].set)
        thread.join()
    assert not served.wrong, served.wrong[:3]


def dumped(value: Any) -> bytes:
    """JSON bytes, for faults that cut or spoil them."""
    return json.dumps(value).encode()


def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off, probes and housekeeping in hundredths of their time."""
    monkeypatch.setattr(member, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(member, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(crew, "SYNC_SECONDS", 0.05)
