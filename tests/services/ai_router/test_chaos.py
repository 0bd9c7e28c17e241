"""Whatever the providers do, requests find another way where there is one, and every attempt is accounted
once.
"""

import chaos
import pytest
from mock_provider import MockProvider


@pytest.mark.parametrize("trouble", chaos.TROUBLES, ids=lambda trouble: trouble.name)
async def test_trouble_is_survived_and_every_attempt_accounted_once(
    mock: MockProvider, trouble: chaos.Trouble
) -> None:
    # The accounts are compared with what the mock saw in `run`.
    found = await chaos.run(mock, trouble, 40, fallbacks=True)

    assert trouble.lost or found.whole >= 18
    # What breaks after its first word is no other provider's to go on with.
    assert trouble.lost or found.streams >= 10


async def test_fallbacks_make_the_difference_where_the_first_choice_is_down(mock: MockProvider) -> None:
    trouble = next(one for one in chaos.TROUBLES if one.name == "down, the first choice's provider")

    without = await chaos.run(mock, trouble, 40, fallbacks=False)
    with_them = await chaos.run(mock, trouble, 40, fallbacks=True)

    assert (without.share, with_them.share) == (0.0, 1.0)


async def test_provider_that_is_down_is_soon_left_alone(mock: MockProvider) -> None:
    trouble = next(one for one in chaos.TROUBLES if one.name == "down, the first choice's provider")

    found = await chaos.run(mock, trouble, 200, fallbacks=True)

    assert found.attempts < 2 * found.requests
