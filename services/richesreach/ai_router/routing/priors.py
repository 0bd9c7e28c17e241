"""What we hold of each model before it has answered anything: limits, abilities, speed and quality.

Limits and abilities are the providers' own; where genai-prices lists a context window, its figure counts.
`quality` is our judgement, between 0 and 1: an order of the models, not a measurement. Callers' feedback
moves it (`estimates`). `first_token` (seconds) and `pace` (tokens a second) are rough too, and give way to
what is measured after a few answers.
"""

from dataclasses import dataclass

TEXT = frozenset({"text"})
SEES = frozenset({"text", "image"})
HEARS = frozenset({"text", "image", "audio"})

TOOLS = frozenset({"tools"})
ALL = frozenset({"tools", "json_object", "json_schema"})
REASONS = ALL | {"reasoning"}

# How much of what a model lacks (1 - quality) still shows in a task: little in easy ones, more in hard ones.
HARDNESS = {
    "general": 1.0,
    "chat": 0.8,
    "classification": 0.4,
    "sentiment": 0.4,
    "extraction": 0.5,
    "summarisation": 0.65,
    "market_analysis": 1.1,
    "code": 1.2,
    "reasoning": 1.35,
}
# Tokens of an answer, where the caller sets no limit below it.
ANSWER_TOKENS = {
    "general": 400,
    "chat": 300,
    "classification": 20,
    "sentiment": 30,
    "extraction": 200,
    "summarisation": 300,
    "market_analysis": 700,
    "code": 900,
    "reasoning": 1500,
}


@dataclass(frozen=True, slots=True)
class Prior:
    """`listed` is genai-prices' provider and reference where they are not the model's own."""

    name: str
    provider: str
    context_tokens: int
    output_tokens: int
    tokenizer: str
    quality: float
    first_token: float
    pace: float
    features: frozenset[str] = ALL
    modalities: frozenset[str] = SEES
    regions: frozenset[str] = frozenset({"global"})
    upstream: str = ""
    listed: tuple[str, str] | None = None
    kind: str = "chat"
    image_tokens: int = 1105


def _openai(
    name: str,
    context: int,
    output: int,
    quality: float,
    speed: tuple[float, float],
    features: frozenset[str] = ALL,
    image_tokens: int = 1105,
) -> Prior:
    return Prior(
        name, "openai", context, output, "o200k_base", quality, *speed, features, image_tokens=image_tokens
    )


def _claude(
    name: str,
    context: int,
    output: int,
    quality: float,
    speed: tuple[float, float],
    tokenizer: str = "claude",
    upstream: str = "",
) -> Prior:
    return Prior(
        name,
        "anthropic",
        context,
        output,
        tokenizer,
        quality,
        *speed,
        REASONS,
        upstream=upstream,
        image_tokens=1600,
    )


def _gemini(name: str, context: int, output: int, quality: float, speed: tuple[float, float]) -> Prior:
    return Prior(
        name, "google", context, output, "gemini", quality, *speed, REASONS, HEARS, image_tokens=2580
    )


def _bedrock(
    name: str,
    reference: str,
    context: int,
    output: int,
    quality: float,
    speed: tuple[float, float],
    tokenizer: str = "claude",
    modalities: frozenset[str] = SEES,
) -> Prior:
    """By the inference profile of the caller's own geography, so that the request stays in it.

    Of these, Bedrock holds Claude to a schema ("Get validated JSON results from models"), and Nova not.
    """
    return Prior(
        name,
        "bedrock",
        context,
        output,
        tokenizer,
        quality,
        *speed,
        ALL if tokenizer == "claude" else TOOLS,
        modalities,
        upstream=reference,
        listed=("aws", reference),
        image_tokens=1600,
    )


CHAT = (
    # gpt-4o-mini counts an image 33 times as high as gpt-4o does, and so bills it alike.
    _openai("gpt-4o", 128_000, 16_384, 0.80, (0.6, 90)),
    _openai("gpt-4o-mini", 128_000, 16_384, 0.66, (0.5, 110), image_tokens=36_839),
    _openai("gpt-4.1", 1_000_000, 32_768, 0.83, (0.6, 90)),
    _openai("gpt-4.1-mini", 1_000_000, 32_768, 0.74, (0.5, 110)),
    _openai("gpt-4.1-nano", 1_000_000, 32_768, 0.58, (0.4, 150)),
    _openai("gpt-5", 400_000, 128_000, 0.90, (6.0, 80), REASONS),
    _openai("gpt-5-mini", 400_000, 128_000, 0.82, (4.0, 110), REASONS),
    _openai("gpt-5-nano", 400_000, 128_000, 0.70, (3.0, 140), REASONS),
    _openai("gpt-5.4", 1_050_000, 128_000, 0.93, (5.0, 80), REASONS),
    _openai("gpt-5.4-mini", 400_000, 128_000, 0.85, (3.0, 120), REASONS),
    _openai("gpt-5.4-nano", 400_000, 128_000, 0.74, (2.0, 150), REASONS),
    _openai("o3", 200_000, 100_000, 0.88, (8.0, 70), REASONS),
    _openai("o4-mini", 200_000, 100_000, 0.83, (5.0, 100), REASONS),
    _claude("claude-haiku-4-5", 200_000, 64_000, 0.80, (0.6, 130)),
    _claude("claude-sonnet-4-5", 200_000, 64_000, 0.89, (1.2, 70)),
    _claude("claude-sonnet-4-6", 1_000_000, 64_000, 0.91, (1.2, 70)),
    _claude("claude-opus-4-5", 200_000, 64_000, 0.92, (1.8, 60)),
    _claude("claude-opus-4-7", 1_000_000, 128_000, 0.94, (1.8, 60), "claude-4.7"),
    _gemini("gemini-2.5-flash-lite", 1_000_000, 65_536, 0.66, (0.4, 250)),
    _gemini("gemini-2.5-flash", 1_048_576, 65_536, 0.78, (0.6, 200)),
    _gemini("gemini-2.5-pro", 1_048_576, 65_536, 0.88, (6.0, 120)),
    _gemini("gemini-3.1-flash-lite", 1_000_000, 65_536, 0.76, (0.6, 250)),
    _gemini("gemini-3.1-pro-preview", 1_048_576, 65_536, 0.92, (6.0, 110)),
    _bedrock("claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0", 200_000, 64_000, 0.80,
             (0.8, 110)),
    _bedrock("claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0", 200_000, 64_000, 0.89,
             (1.4, 60)),
    _bedrock("nova-micro", "amazon.nova-micro-v1:0", 128_000, 5_000, 0.52, (0.4, 200), "llama", TEXT),
    _bedrock("nova-lite", "amazon.nova-lite-v1:0", 300_000, 5_000, 0.60, (0.5, 150), "llama"),
    _bedrock("nova-pro", "amazon.nova-pro-v1:0", 300_000, 5_000, 0.72, (0.7, 90), "llama"),
)  # fmt: skip


def _embedding(
    name: str, provider: str, context: int, tokenizer: str, quality: float, reference: str = ""
) -> Prior:
    return Prior(
        name,
        provider,
        context,
        0,
        tokenizer,
        quality,
        0.3,
        10_000,
        frozenset(),
        TEXT,
        upstream=reference,
        listed=("aws", reference) if reference else None,
        kind="embedding",
    )


EMBEDDING = (
    _embedding("text-embedding-3-small", "openai", 8_191, "cl100k_base", 0.7),
    _embedding("text-embedding-3-large", "openai", 8_191, "cl100k_base", 0.8),
    _embedding("gemini-embedding-001", "google", 2_048, "gemini", 0.8),
    _embedding("titan-embed-text-v2", "bedrock", 8_192, "titan", 0.7, "amazon.titan-embed-text-v2:0"),
)


def quality_of(quality: float) -> dict[str, float]:
    """Of every task, from that of tasks in general."""
    return {
        task: round(min(1.0, max(0.0, 1.0 - (1.0 - quality) * hardness)), 4)
        for task, hardness in HARDNESS.items()
    }
