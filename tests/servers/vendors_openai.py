"""The clients of vendors that speak OpenAI's dialects; `vendors.py` says what a class holds."""

import json

import mistralai.client as mistral
import mistralai.client.models as mistral_models
import openai
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses import ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from conversation import FIRST, KEY, LENGTH, RESULTS, SECOND, SYSTEM, TOOLS, functions
from models import Client


class OpenAiChat(Client):
    dialect, provider, model, base = "openai_chat", "openai", "gpt-4.1", "/v1"
    requests, events, untyped = CompletionCreateParamsStreaming, ChatCompletionChunk, ["[DONE]"]
    row = 'dialect = "openai_chat"'
    beyond = [
        (r"messages\.\d+\.name", "the tool's name beside a result: templates of compatible servers want it"),
        (r"choices\.0\.delta\.reasoning_content", "what compatible servers stream of the model's thoughts"),
    ]
    explained = [
        (r"messages\[\d+\]\.name", "the tool's name beside a result: compatible servers' templates want it"),
    ]

    def __init__(self, address):
        self.client = openai.OpenAI(api_key=KEY, base_url=f"{address}{self.base}", max_retries=0)
        self.fixed = dict(
            model=self.model, stream=True, temperature=0, store=False, max_completion_tokens=LENGTH,
            stream_options={"include_usage": True}, tools=functions(strict=False),
        )  # fmt: skip

    def turn(self, messages, **more):
        text, calls = "", {}
        more = {"tool_choice": "auto", "parallel_tool_calls": True, **more}
        for chunk in self.client.chat.completions.create(messages=messages, **self.fixed, **more):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for piece in choice.delta.tool_calls or []:
                    call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
                    call["id"] += piece.id or ""
                    call["name"] += piece.function.name or ""
                    call["arguments"] += piece.function.arguments or ""
        return text, list(calls.values())

    def converse(self):
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": FIRST}]
        read = []
        for _ in range(3):
            text, calls = self.turn(messages)
            read.append((text, [(call["name"], json.loads(call["arguments"])) for call in calls]))
            said = {"role": "assistant", "content": text or None}
            if calls:
                said["tool_calls"] = [
                    {"id": call["id"], "type": "function", "function": {k: call[k] for k in ("name", "arguments")}}
                    for call in calls
                ]
            messages.append(said)
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": RESULTS[call["name"]]} for call in calls
            ]
        self.turn([*messages, {"role": "user", "content": SECOND}])
        return read

    def force(self, name):
        choice = {"type": "function", "function": {"name": name}} if name else "required"
        messages = [{"role": "user", "content": FIRST}]
        self.turn(messages, tool_choice=choice, parallel_tool_calls=False)


class OpenAiResponses(Client):
    dialect, provider, model, base = "openai_responses", "openai", "gpt-6-luna", "/v1"
    requests, events = ResponseCreateParamsStreaming, ResponseStreamEvent
    row = 'dialect = "openai_responses"'
    explained = [
        (r"input\[\d+\]\.(id|status|type)", "items go back without what only describes them"),
        (
            r"input\[\d+\]\.content", "the model's text goes back as text, not as a list of one text",
            lambda ours, theirs: [ours] == [part["text"] for part in theirs],
        ),
    ]

    def __init__(self, address):
        self.client = openai.OpenAI(api_key=KEY, base_url=f"{address}{self.base}", max_retries=0)
        self.fixed = dict(
            model=self.model, stream=True, store=False, max_output_tokens=LENGTH,
            include=["reasoning.encrypted_content"],
            tools=[
                {"type": "function", "name": name, "description": about, "parameters": schema, "strict": False}
                for name, about, schema in TOOLS
            ],
        )  # fmt: skip

    def turn(self, said, **more):
        more = {"tool_choice": "auto", "parallel_tool_calls": True, **more}
        for event in self.client.responses.create(input=said, **self.fixed, **more):
            if event.type == "response.completed":
                return event.response.output
        raise AssertionError("the response was not completed")

    def converse(self):
        said = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": FIRST}]
        read = []
        for _ in range(3):
            output = self.turn(said)
            calls = [item for item in output if item.type == "function_call"]
            texts = [part.text for item in output if item.type == "message" for part in item.content]
            read.append(("".join(texts), [(call.name, json.loads(call.arguments)) for call in calls]))
            said += output
            said += [
                {"type": "function_call_output", "call_id": call.call_id, "output": RESULTS[call.name]}
                for call in calls
            ]
        self.turn([*said, {"role": "user", "content": SECOND}])
        return read

    def force(self, name):
        choice = {"type": "function", "name": name} if name else "required"
        self.turn([{"role": "user", "content": FIRST}], tool_choice=choice, parallel_tool_calls=False)


class Mistral(Client):
    dialect, provider, model, base = "openai_chat", "mistral", "mistral-large-latest", "/v1"
    requests, events = mistral_models.ChatCompletionStreamRequest, mistral_models.CompletionChunk
    untyped = ["[DONE]"]
    row = ""
    beyond = OpenAiChat.beyond[1:]
    explained = [
        (r"messages\[\d+\]\.name", "the tool's name beside a result, which its own types know"),
        (r"messages\[\d+\]\.(prefix|tool_calls\[\d+\]\.index)", "the client writes out what holds by itself"),
    ]

    def __init__(self, address):
        self.client = mistral.Mistral(api_key=KEY, server_url=address)
        self.fixed = dict(model=self.model, temperature=0, max_tokens=LENGTH, tools=functions())

    def turn(self, messages, **more):
        text, calls = "", {}
        more = {"tool_choice": "auto", "parallel_tool_calls": True, **more}
        for event in self.client.chat.stream(messages=messages, **self.fixed, **more):
            for choice in event.data.choices:
                text += choice.delta.content or ""
                for piece in choice.delta.tool_calls or []:
                    call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
                    if piece.id and piece.id != "null":
                        call["id"] = piece.id
                    call["name"] += piece.function.name or ""
                    call["arguments"] += piece.function.arguments or ""
        return text, list(calls.values())

    converse = OpenAiChat.converse

    def force(self, name):
        choice = {"type": "function", "function": {"name": name}} if name else "any"
        self.turn([{"role": "user", "content": FIRST}], tool_choice=choice, parallel_tool_calls=False)
