"""The official `openai` SDK against `<url> <key>`: prints what it got as JSON, one member a way to ask.

A process of its own: the SDK is a library of the services' tests, and the platform's tests run beside it.
"""

import asyncio
import json
import sys
from typing import Any

import openai

QUESTION: Any = [{"role": "user", "content": "Say something about the market."}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "quote",
            "description": "The latest price of a symbol.",
            "parameters": {
                "type": "object",
                "properties": {"symbol": {"type": "string"}},
                "required": ["symbol"],
            },
        },
    }
]


def main() -> None:
    url, key = sys.argv[1:]
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    whole = client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    events = list(client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True))
    called = client.chat.completions.create(
        model="gpt-4o-mini", messages=QUESTION, tools=TOOLS, tool_choice="required"
    )
    (call, *_) = called.choices[0].message.tool_calls or []
    embedded = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    found = {
        "models": [model.id for model in client.models.list()],
        "sync": whole.choices[0].message.content,
        "tokens": whole.usage.total_tokens if whole.usage else 0,
        "stream": "".join(e.choices[0].delta.content or "" for e in events if e.choices),
        "events": len(events),
        "tool": {"name": call.function.name, "arguments": json.loads(call.function.arguments)},
        "embeddings": len(embedded.data),
        "async": asyncio.run(asynchronously(url, key)),
        "unknown_model": refusal(client),
    }
    print(json.dumps(found))  # noqa: T201  (the test reads it)


async def asynchronously(url: str, key: str) -> dict[str, str]:
    """Whole and as a stream."""
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        whole = await client.chat.completions.create(model="auto", messages=QUESTION)
        stream = await client.chat.completions.create(model="auto", messages=QUESTION, stream=True)
        parts = [e.choices[0].delta.content or "" async for e in stream if e.choices]
    return {"whole": whole.choices[0].message.content or "", "stream": "".join(parts)}


def refusal(client: openai.OpenAI) -> dict[str, Any]:
    """What the SDK makes of an error."""
    try:
        client.chat.completions.create(model="no-such-model", messages=QUESTION)
    except openai.APIStatusError as error:
        return {"kind": type(error).__name__, "status": error.status_code, "code": error.code}
    return {}


if __name__ == "__main__":
    main()
