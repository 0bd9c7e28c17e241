"""The local AWS for tests: endpoints in a network of this run's own; a running platform keeps its own."""

from ops.local.types import addresses
from tests.loopback import ALLOTTED

_allotted = addresses.address_of


def _for_tests(*owner: str) -> str:
    return _allotted(*owner).replace("127.70.", f"{ALLOTTED}.", 1)


# Before anything else of the package is imported: the other modules take the function by name.
addresses.address_of = _for_tests

from ops.local.types.__main__ import main  # noqa: E402 - see above

if __name__ == "__main__":
    main()
