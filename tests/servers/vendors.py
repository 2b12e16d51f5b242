"""The vendors' own Python clients, each told to hold the same conversation, and each one's types for what goes over the wire.

One class a vendor. `row` is its row of callwright.toml; `converse` holds the conversation of `sdks.py` with the vendor's
client as its documentation shows it; `force` asks for a call, any or this one; `request` and `event` say what its types
have against JSON of ours. `explained` lists the differences between its requests and ours that are meant, each with why,
and where it matters what must hold of the two values; `beyond` the fields of ours that its types do not know and that are
meant; `spelt` the keys that it spells in another way than we do.
"""

from vendors_openai import Mistral, OpenAiChat, OpenAiResponses
from vendors_own import Anthropic, Cohere, Gemini, Ollama

VENDORS = [OpenAiChat, OpenAiResponses, Anthropic, Gemini, Mistral, Cohere, Ollama]
