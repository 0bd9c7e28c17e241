"""Loopback addresses: one block a region, the lowest free number for each owner."""


class Addresses:
    """Addresses `<network>.<region#>.<n>`, e.g. 127.90.2.1; regions and n count from 1."""

    def __init__(self, network: str, regions: tuple[str, ...]) -> None:
        self._network = network
        self._blocks = {region: number for number, region in enumerate(regions, start=1)}
        self._taken: dict[str, dict[int, str]] = {region: {} for region in regions}

    def take(self, region: str, owner: str) -> str:
        """The owner's address: the one it has, or else the lowest free one.

        Raises RuntimeError when the region's 254 are taken.
        """
        taken = self._taken[region]
        held = next((number for number, name in taken.items() if name == owner), None)
        number = held or next((number for number in range(1, 255) if number not in taken), None)
        if number is None:
            raise RuntimeError(f"no free address left in {self._network}.{self._blocks[region]}.0/24")
        taken[number] = owner
        return f"{self._network}.{self._blocks[region]}.{number}"

    def release(self, region: str, owner: str) -> None:
        """Give the owner's address back."""
        taken = self._taken[region]
        for number in [number for number, name in taken.items() if name == owner]:
            del taken[number]
