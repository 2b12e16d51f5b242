"""The clients of vendors with dialects of their own; `vendors.py` says what a class holds."""

import inspect
import json

import anthropic
import cohere
import ollama
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from cohere.v2.types import V2ChatStreamResponse
from google import genai
from google.genai import types as gemini

from conversation import FIRST, KEY, LENGTH, RESULTS, SECOND, SYSTEM, TOOLS, functions
from models import Client, flaws, parameters


class Anthropic(Client):
    dialect, provider, model, base = "anthropic", "anthropic", "claude-sonnet-5", ""
    requests, events, untyped = MessageCreateParamsStreaming, RawMessageStreamEvent, ["ping"]
    row = ""
    explained = [
        (
            "key", "this client's newest major says Bearer; Anthropic's guide to this version shows x-api-key as before",
            lambda ours, theirs: (ours, theirs) == ("x-api-key", "authorization"),
        ),
    ]

    def __init__(self, address):
        self.client = anthropic.Anthropic(api_key=KEY, base_url=address, max_retries=0)
        self.fixed = dict(
            model=self.model, max_tokens=LENGTH,
            tools=[{"name": name, "description": about, "input_schema": schema} for name, about, schema in TOOLS],
        )  # fmt: skip

    def turn(self, messages, **more):
        with self.client.messages.stream(messages=messages, **self.fixed, **more) as stream:
            return stream.get_final_message()

    def converse(self):
        messages, read = [{"role": "user", "content": [{"type": "text", "text": FIRST}]}], []
        more = {"system": SYSTEM, "tool_choice": {"type": "auto"}}
        for _ in range(3):
            message = self.turn(messages, **more)
            calls = [block for block in message.content if block.type == "tool_use"]
            text = "".join(block.text for block in message.content if block.type == "text")
            read.append((text, [(call.name, call.input) for call in calls]))
            messages.append({"role": "assistant", "content": message.content})
            if calls:
                results = [
                    {"type": "tool_result", "tool_use_id": call.id, "content": RESULTS[call.name]} for call in calls
                ]
                messages.append({"role": "user", "content": results})
        self.turn([*messages, {"role": "user", "content": [{"type": "text", "text": SECOND}]}], **more)
        return read

    def force(self, name):
        choice = {"type": "tool", "name": name} if name else {"type": "any"}
        messages = [{"role": "user", "content": [{"type": "text", "text": FIRST}]}]
        self.turn(messages, tool_choice={**choice, "disable_parallel_tool_use": True})

    def request(self, request):
        found = super().request(request)
        version = request["headers"].get("anthropic-version")
        return found + [f"version {version}"] * (version != anthropic._constants.ANTHROPIC_API_VERSION)


class Gemini(Client):
    dialect, provider, model, base = "gemini", "gemini", "gemini-3.8-flash", "/v1beta"
    events = gemini.GenerateContentResponse
    row = ""
    explained = [
        (
            r"path", "this client asks v1, our row v1beta (`base_url` in callwright.toml changes it)",
            lambda ours, theirs: ours.replace("/v1beta/", "/v1/") == theirs,
        ),
        (r"systemInstruction\.role", "the client says a role where none is wanted"),
    ]
    spelt = {"parameters_json_schema": "parametersJsonSchema"}

    def __init__(self, address):
        options = gemini.HttpOptions(base_url=address)
        self.client = genai.Client(api_key=KEY, vertexai=False, http_options=options)

    def turn(self, contents, system=SYSTEM, mode="AUTO", allowed=None):
        declared = [
            gemini.FunctionDeclaration(name=name, description=about, parameters_json_schema=schema)
            for name, about, schema in TOOLS
        ]
        calling = gemini.FunctionCallingConfig(mode=mode, allowed_function_names=allowed)
        config = gemini.GenerateContentConfig(
            system_instruction=system, temperature=0, max_output_tokens=LENGTH,
            tools=[gemini.Tool(function_declarations=declared)],
            tool_config=gemini.ToolConfig(function_calling_config=calling),
            automatic_function_calling=gemini.AutomaticFunctionCallingConfig(disable=True),
        )  # fmt: skip
        parts = []
        for chunk in self.client.models.generate_content_stream(model=self.model, contents=contents, config=config):
            content = chunk.candidates[0].content
            parts += (content.parts or []) if content else []
        return parts

    def converse(self):
        text = lambda words: gemini.Content(role="user", parts=[gemini.Part(text=words)])  # noqa: E731
        contents, read = [text(FIRST)], []
        for _ in range(3):
            parts = self.turn(contents)
            calls = [part.function_call for part in parts if part.function_call]
            said = "".join(part.text for part in parts if part.text and not part.thought)
            read.append((said, [(call.name, call.args) for call in calls]))
            # Text that was streamed in pieces is one part here, as it is for us; thoughts are not given back.
            kept = [gemini.Part(text=said)] if said else []
            contents.append(gemini.Content(role="model", parts=kept + [part for part in parts if part.function_call]))
            if calls:
                results = [
                    gemini.Part(
                        function_response=gemini.FunctionResponse(
                            id=call.id, name=call.name, response={"output": RESULTS[call.name]}
                        )
                    )
                    for call in calls
                ]
                contents.append(gemini.Content(role="user", parts=results))
        self.turn([*contents, text(SECOND)])
        return read

    def force(self, name):
        text = gemini.Content(role="user", parts=[gemini.Part(text=FIRST)])
        self.turn([text], system=None, mode="ANY", allowed=[name] if name else None)

    def request(self, request):
        body = dict(request["body"])
        generation = body.pop("generationConfig", {})
        kinds = {
            "contents": list[gemini.Content], "tools": list[gemini.Tool],
            "toolConfig": gemini.ToolConfig, "systemInstruction": gemini.Content,
        }  # fmt: skip
        found = flaws(gemini.GenerateContentConfig, generation, "generationConfig.")
        for key, value in body.items():
            found += flaws(kinds[key], value, f"{key}.") if key in kinds else [f"{key}: not a field"]
        return found


class Cohere(Client):
    dialect, provider, model, base = "cohere", "cohere", "command-a-03-2025", "/v2"
    events = V2ChatStreamResponse
    row = ""
    explained = []

    def __init__(self, address):
        self.client = cohere.ClientV2(api_key=KEY, base_url=address)
        self.fixed = dict(model=self.model, temperature=0, max_tokens=LENGTH, strict_tools=False)

    def turn(self, messages, **more):
        text, plan, calls = "", "", {}
        more = {"tools": functions(), **more}
        for event in self.client.v2.chat_stream(messages=messages, **self.fixed, **more):
            if event.type == "content-delta":
                text += event.delta.message.content.text or ""
            elif event.type == "tool-plan-delta":
                plan += event.delta.message.tool_plan or ""
            elif event.type == "tool-call-start":
                calls[event.index] = event.delta.message.tool_calls
            elif event.type == "tool-call-delta":
                calls[event.index].function.arguments += event.delta.message.tool_calls.function.arguments
        return text, plan, list(calls.values())

    def converse(self):
        messages, read = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": FIRST}], []
        for _ in range(3):
            text, plan, calls = self.turn(messages)
            read.append((text, [(call.function.name, json.loads(call.function.arguments)) for call in calls]))
            said = {"role": "assistant", **({"content": text} if text else {})}
            if calls:
                said |= {"tool_calls": calls, **({"tool_plan": plan} if plan else {})}
            messages.append(said)
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in calls
            ]
        self.turn([*messages, {"role": "user", "content": SECOND}])
        return read

    def force(self, name):
        offered = [tool for tool in functions() if name in (None, tool["function"]["name"])]
        self.turn([{"role": "user", "content": FIRST}], tool_choice="REQUIRED", tools=offered)

    def request(self, request):
        body = dict(request["body"])
        streams = body.pop("stream", None)
        found = flaws(parameters(inspect.signature(cohere.ClientV2.chat_stream)), body)
        return found + ["stream is not true"] * (streams is not True)


class Ollama(Client):
    dialect, provider, model, base = "ollama", "ollama", "qwen3", ""
    requests, events = ollama._types.ChatRequest, ollama._types.ChatResponse
    row = ""
    beyond = [
        (r"messages\.\d+\.tool_calls\.\d+\.(id|function\.index)", "ids and places, which newer servers know"),
        (r"messages\.\d+\.tool_call_id", "the id of the call that is answered, which newer servers know"),
        (r"message\.tool_calls\.\d+\.(id|function\.index)", "ids and places, which newer servers send"),
    ]
    explained = [
        (r"options\.num_ctx", "room is asked for by the prompt's length: the server's default cuts silently"),
        (r"messages\[\d+\]\.tool_calls\[\d+\]\.(id|function\.index)", "ids and places, which newer servers know"),
        (r"messages\[\d+\]\.tool_call_id", "the id of the call that is answered, which newer servers know"),
        (
            r"messages\[\d+\]\.content", "no words beside a call: an empty text here, nothing there",
            lambda ours, theirs: ours == "" and theirs is ...,
        ),
    ]

    def __init__(self, address):
        self.client = ollama.Client(host=address)

    def turn(self, messages, tools=None):
        text, calls = "", []
        options = {"num_predict": LENGTH, "temperature": 0}
        for chunk in self.client.chat(
            model=self.model, messages=messages, tools=tools or functions(), stream=True, options=options
        ):
            text += chunk.message.content or ""
            calls += chunk.message.tool_calls or []
        return text, calls

    def converse(self):
        messages, read = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": FIRST}], []
        for _ in range(3):
            text, calls = self.turn(messages)
            read.append((text, [(call.function.name, call.function.arguments) for call in calls]))
            messages.append({"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})})
            messages += [
                {"role": "tool", "tool_name": call.function.name, "content": RESULTS[call.function.name]}
                for call in calls
            ]
        self.turn([*messages, {"role": "user", "content": SECOND}])
        return read

    def force(self, name):
        offered = [tool for tool in functions() if name in (None, tool["function"]["name"])]
        self.turn([{"role": "user", "content": FIRST}], offered)
