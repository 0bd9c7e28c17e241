"""What news sentiment takes and answers."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from richesreach.ai_router.tasks.sentiment.features import Label

MAX_ARTICLES = 100
MAX_TEXT = 20_000


class Article(Struct, forbid_unknown_fields=True):
    """`id` comes back with the judgement; `symbols` are what it is about, for the means by symbol."""

    title: Annotated[str, Meta(min_length=1, max_length=500)]
    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    id: Annotated[str, Meta(max_length=100)] | None = None
    symbols: Annotated[list[Annotated[str, Meta(min_length=1, max_length=20)]], Meta(max_length=50)] = []


class NewsRequest(Struct, forbid_unknown_fields=True):
    """`escalate`: `unsure` asks a language model about those of which the small model is not sure, which
    costs; `never` leaves them with what the small model thinks.
    """

    articles: Annotated[list[Article], Meta(min_length=1, max_length=MAX_ARTICLES)]
    escalate: Literal["unsure", "never"] = "unsure"


class Judged(Struct):
    """`score` is from -1 (bad news) to 1 (good). `by` is `own-model`, or the language model's name; `sure` is
    false where neither the small model nor the one that was asked is.
    """

    id: str | None
    label: Label
    score: float
    confidence: float
    by: str
    sure: bool


class Mean(Struct):
    """Of all articles about a symbol."""

    symbol: str
    score: float
    articles: int


class Escalation(Struct):
    """What the language model was asked: `why_not` says why it did not judge them."""

    unsure: int
    judged: int
    model: str | None = None
    cost_microdollars: int = 0
    why_not: str | None = None


class NewsAnswer(Struct):
    """In the order of the articles."""

    articles: list[Judged]
    symbols: list[Mean]
    escalation: Escalation


class Verdict(Struct):
    """What the language model says of one article, by its number."""

    number: Annotated[int, Meta(ge=0)]
    label: Label
    confidence: Annotated[float, Meta(ge=0.0, le=1.0)]


class Verdicts(Struct):
    """Its whole answer."""

    verdicts: Annotated[list[Verdict], Meta(max_length=MAX_ARTICLES)]
