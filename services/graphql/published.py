"""The published GraphQL schema, `schema.graphql` beside this: what clients are built on.

`python services/graphql/published.py` writes it anew, and refuses what breaks a client of the one before;
`--check` only says whether it is that of the code; `--accept-breaking` is for what nobody uses any more.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from graphql import GraphQLSchema, build_schema  # noqa: E402
from graphql.utilities import find_breaking_changes  # noqa: E402
from richesreach.gateway.graphql.schema import SCHEMA  # noqa: E402

PUBLISHED = HERE / "schema.graphql"


def current() -> str:
    """The schema of the code."""
    return SCHEMA.as_str() + "\n"


def breaking(before: str, after: str) -> list[str]:
    """What a client of `before` could not do with `after`, one line each."""
    return [change.description for change in find_breaking_changes(_built(before), _built(after))]


def _built(text: str) -> GraphQLSchema:
    return build_schema(text)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--accept-breaking", action="store_true")
    options = parser.parse_args(arguments)
    before = PUBLISHED.read_text(encoding="utf-8") if PUBLISHED.exists() else current()
    broken = breaking(before, current())
    if broken and not options.accept_breaking:
        say("error: the schema of the code breaks clients of services/graphql/schema.graphql:")
        for line in broken:
            say(f"  {line}")
        say("Keep what there is and mark it deprecated, or run this with --accept-breaking.")
        return 1
    if options.check:
        if before != current():
            say("error: services/graphql/schema.graphql is not that of the code: run make graphql-schema")
            return 1
        return 0
    PUBLISHED.write_text(current(), encoding="utf-8")
    return 0


def say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
