"""Keys of providers: several of each, taken in turn by weight."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credential:
    """`id` is for logs, metrics and records; no repr shows `secret`. Without it: the task's own role."""

    id: str
    secret: str = field(repr=False)
    weight: int = 1


class Credentials:
    """Every provider's keys. A provider without any is disabled."""

    def __init__(self, keys: Mapping[str, Sequence[Credential]]) -> None:
        self._keys = {provider: tuple(found) for provider, found in keys.items() if found}
        self._ids = {provider: tuple([key.id for key in found]) for provider, found in self._keys.items()}

    @property
    def providers(self) -> frozenset[str]:
        return frozenset(self._keys)

    def of(self, provider: str) -> tuple[Credential, ...]:
        return self._keys.get(provider, ())

    def ids_of(self, provider: str) -> tuple[str, ...]:
        return self._ids.get(provider, ())

    def pick(
        self, provider: str, rng: random.Random, out: Collection[str] = frozenset()
    ) -> Credential | None:
        """One of the provider's keys whose id is not in `out`, by weight; None where there is none."""
        keys = self._keys.get(provider, ())
        if len(keys) == 1:
            return None if keys[0].id in out else keys[0]
        left = [key for key in keys if key.id not in out]
        if not left:
            return None
        return rng.choices(left, [key.weight for key in left])[0]
