"""MGET of many vectors as bytes: packing 500 keys anew takes a third of what the whole read does."""

from collections.abc import Sequence

from richesreach.core.vectors import Layout

# Keys that are kept, of each layout, and the longest of the entities whose key is.
MOST_KEPT, LONGEST_KEPT = 20_000, 64


class _Keys(dict[str, bytes]):
    """By entity: its key, as a word of a command."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self._layout = layout

    def __missing__(self, entity: str) -> bytes:
        key = self._layout.key(entity).encode()
        word = b"$%d\r\n%b\r\n" % (len(key), key)
        if len(entity) <= LONGEST_KEPT:
            # Who asks for what nobody has shall not fill the memory.
            if len(self) >= MOST_KEPT:
                self.clear()
            self[entity] = word
        return word


class AskedKeys:
    def __init__(self) -> None:
        self._of: dict[int, _Keys] = {}

    @property
    def kept(self) -> int:
        """How many keys are kept."""
        return sum(map(len, self._of.values()))

    def command(self, layouts: Sequence[Layout], entities: Sequence[str]) -> bytes:
        """MGET of the vectors of all entities, layout by layout."""
        words = [b"*%d\r\n$4\r\nMGET\r\n" % (1 + len(layouts) * len(entities))]
        for layout in layouts:
            keys = self._of.get(layout.number)
            if keys is None:
                keys = self._of[layout.number] = _Keys(layout)
            words += map(keys.__getitem__, entities)
        return b"".join(words)
