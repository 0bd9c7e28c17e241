"""How good the embedding is at telling questions that ask the same from questions that only look alike.

The threshold was chosen with these questions, so that they say nothing of how good it is with others. Run
with `-s` for the figures, which docs/ai-router.md names.
"""

import numpy as np
import pytest
from richesreach.ai_router.answers.nearness import MOST_WORDS, alike, comparable, embed, marks
from richesreach.ai_router.answers.store import SIMILARITY

SAME = (
    ("What is a callable bond?", "what is a callable bond"),
    ("What is a callable bond?", "Please tell me what a callable bond is."),
    ("What is a callable bond?", "Could you explain what callable bonds are?"),
    ("Explain the Sharpe ratio", "Can you explain the Sharpe ratio to me, please?"),
    ("How does dollar cost averaging work?", "how does dollar-cost averaging work"),
    ("What are the risks of leveraged ETFs?", "Tell me the risks of leveraged ETFs."),
    ("Summarise Apple's latest earnings call", "Summarise the latest Apple earnings call, please"),
    ("What is the difference between a stock and a bond?", "Difference between a bond and a stock?"),
    ("How do I rebalance a portfolio?", "How should I rebalance my portfolio?"),
    ("List the largest holdings of VTI", "Please list the largest holdings of VTI"),
    ("Why did oil prices fall yesterday?", "Why did the price of oil fall yesterday?"),
    ("What does a rising yield curve mean?", "What is the meaning of a rising yield curve?"),
    ("How is beta calculated?", "How do you calculate beta?"),
    ("Is gold a hedge against inflation?", "Does gold hedge against inflation?"),
    ("Give me an overview of the semiconductor sector", "Overview of the semiconductor sector"),
    ("What is implied volatility?", "Define implied volatility"),
    ("Should young investors hold bonds?", "Should bonds be held by young investors?"),
    ("What moves the price of natural gas?", "Which factors drive natural gas prices?"),
    ("How much cash should a portfolio hold?", "What share of a portfolio should be cash?"),
    ("Explain options to a beginner", "Explain options for beginners"),
)
DIFFERENT = (
    ("What is a callable bond?", "What is a puttable bond?"),
    ("Why did oil prices fall yesterday?", "Why did oil prices rise yesterday?"),
    ("Why did oil prices fall yesterday?", "Why did gas prices fall yesterday?"),
    ("What was the close of AAPL on 3 May?", "What was the close of AAPL on 4 May?"),
    ("What was the close of AAPL on 3 May?", "What was the close of MSFT on 3 May?"),
    ("Convert 100 USD to EUR", "Convert 100 EUR to USD"),
    ("Is it wise to short this stock?", "Is it not wise to short this stock?"),
    ("Should I buy Tesla?", "Should I sell Tesla?"),
    ("Should I buy Tesla shares today?", "Should I buy Nvidia shares today?"),
    ("Summarise Apple's latest earnings call", "Summarise Amazon's latest earnings call"),
    ("Explain the Sharpe ratio", "Explain the Sortino ratio"),
    ("Which stocks beat the index?", "Which stocks did not beat the index?"),
    ("What are the risks of leveraged ETFs?", "What are the benefits of leveraged ETFs?"),
    ("Which of my holdings has the highest yield?", "Which of my holdings has the lowest yield?"),
    ("What is the best bond fund?", "What is the worst bond fund?"),
    ("How do I open an account?", "How do I close an account?"),
    ("Did the bank raise rates before the election?", "Did the bank raise rates after the election?"),
    ("Is inflation higher than growth?", "Is growth higher than inflation?"),
    ("What is the forecast for this quarter?", "What is the forecast for next quarter?"),
    ("Who owns the company?", "What does the company own?"),
    ("Write a bullish note on copper", "Write a bearish note on copper"),
    ("Translate this into French: the market is open", "Translate this into German: the market is open"),
    ("Count the trades above the limit", "Count the trades below the limit"),
    ("Sort the list in ascending order", "Sort the list in descending order"),
)


def likeness(one: str, other: str) -> float:
    """0 where a mark differs: the store does not compare those."""
    if marks(one) != marks(other):
        return 0.0
    return float(alike(embed(one), np.stack([embed(other)]))[0])


def test_questions_that_only_look_alike_are_never_taken_for_the_same() -> None:
    taken = [pair for pair in DIFFERENT if likeness(*pair) >= SIMILARITY]
    nearest = max(likeness(*pair) for pair in DIFFERENT)
    said = (
        f"of {len(DIFFERENT)} that differ {len(taken)} are taken for the same; the nearest has {nearest:.2f}"
    )
    print("\n" + said)  # noqa: T201
    assert taken == []


def test_some_questions_that_ask_the_same_are_found() -> None:
    found = [pair for pair in SAME if likeness(*pair) >= SIMILARITY]
    print(f"\nof {len(SAME)} that ask the same {len(found)} are found")  # noqa: T201
    assert len(found) >= len(SAME) // 4


def test_a_long_question_is_not_compared() -> None:
    words = [f"{chr(97 + n)}{chr(98 + n)}{chr(99 + n)}" for n in range(MOST_WORDS)]
    assert comparable(" ".join(words))
    assert not comparable(" ".join([*words, "more"]))


@pytest.mark.parametrize("text", ["", "?!", "日本の株価は?", "x" * 100_000])
def test_any_text_has_an_embedding(text: str) -> None:
    assert embed(text).shape == (512,)
    assert likeness(text, text) in (0.0, pytest.approx(1.0))
