"""The conversation that every client holds, and the tools that are offered in it."""

SYSTEM = "Be brief."
FIRST, SECOND = "What is it like in Oslo?", "And now?"
RESULTS = {"get_weather": "rain", "add": "3"}
KEY = "sk-of-nobody"
LENGTH = 1024
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ADD = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "array"}}, "required": ["a", "b"]}
TOOLS = [("get_weather", "The weather", WEATHER), ("add", "Adds", ADD)]


def functions(**more):
    return [
        {"type": "function", "function": {"name": name, "description": about, "parameters": schema, **more}}
        for name, about, schema in TOOLS
    ]
