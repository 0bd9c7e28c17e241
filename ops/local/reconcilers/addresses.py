"""Loopback addresses: one block a region, the lowest free number for each owner."""


class Addresses:
    """Addresses `<network>.<region#>.<n>`, e.g. 127.90.2.1; regions and n count from 1.

    The order of the given regions is theirs; one that comes later follows.
    """

    def __init__(self, network: str, regions: tuple[str, ...]) -> None:
        self._network = network
        self._blocks: dict[str, int] = {}
        self._taken: dict[str, dict[int, str]] = {}
        for region in regions:
            self._block(region)

    def take(self, region: str, owner: str) -> str:
        """The owner's address: the one it has, or else the lowest free one.

        Raises RuntimeError when the region's 254 are taken.
        """
        taken = self._block(region)
        held = next((number for number, name in taken.items() if name == owner), None)
        number = held or next((number for number in range(1, 255) if number not in taken), None)
        if number is None:
            raise RuntimeError(f"no free address left in {self._network}.{self._blocks[region]}.0/24")
        taken[number] = owner
        return f"{self._network}.{self._blocks[region]}.{number}"

    def release(self, region: str, owner: str) -> None:
        """Give the owner's address back."""
        taken = self._block(region)
        for number in [number for number, name in taken.items() if name == owner]:
            del taken[number]

    def _block(self, region: str) -> dict[int, str]:
        """Owners by number. A region not seen before gets the next block."""
        self._blocks.setdefault(region, len(self._blocks) + 1)
        return self._taken.setdefault(region, {})
