"""docs/synthesis.md tells how far the platform stays below CloudFormation's limit of resources."""

from __future__ import annotations

from tests.stacks.assembly import Assembly
from tests.stacks.synthesis_table import PAGE, page


def test_committed_page_tells_the_size_of_what_is_synthesised(
    single: Assembly, prod: Assembly, twelve: Assembly
) -> None:
    assert PAGE.read_text(encoding="utf-8") == page({1: single, 3: prod, 12: twelve}), (
        "docs/synthesis.md is stale: run `python -m tests.stacks.synthesis_table`"
    )
