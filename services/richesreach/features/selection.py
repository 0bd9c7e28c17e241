"""Which columns of which vectors the asked names are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from richesreach.core.vectors import Integers, Layout
from richesreach.features.errors import refused, unknown
from richesreach.features.moments import SECOND
from richesreach.features.views import BY_NAME, VIEW_OF, Entity, View

MOST_NAMES = 200
_MOST_KEPT = 512


@dataclass(frozen=True, slots=True)
class Part:
    """Columns `source` of one layout's vectors go to the columns `target` of the answer."""

    layout: Layout
    views: tuple[View, ...]
    source: Integers
    target: Integers
    # The whole vector in its own order: nothing is to be moved.
    whole: bool
    # Nanoseconds: what is younger is stale in none of the views.
    fresh_for: int
    # And what is older is not given at all.
    given_for: int


@dataclass(frozen=True, slots=True)
class Selection:
    entity: Entity
    names: tuple[str, ...]
    parts: tuple[Part, ...]


_kept: dict[tuple[str, ...], Selection] = {}


def selection(asked: Sequence[str]) -> Selection:
    """`price` and `market_data_features:price` are the same feature; a view's name is all its features.

    Raises Problem.
    """
    key = tuple(asked)
    found = _kept.get(key)
    if found is None:
        found = _made(key)
        # Callers ask the same again and again; one who never does shall not fill the memory.
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = found
    return found


def _made(asked: tuple[str, ...]) -> Selection:
    if not asked or len(asked) > MOST_NAMES:
        raise refused(f"Ask for 1 to {MOST_NAMES} features, not {len(asked)}.")
    names: list[str] = []
    for text in asked:
        names += _names(text)
    if len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise refused(f"The feature {twice} is asked for twice.")
    entities = {VIEW_OF[name].entity for name in names}
    if len(entities) > 1:
        raise refused(f"Features of {' and '.join(sorted(entities))} cannot be asked for in one request.")
    places: dict[int, list[int]] = {}
    layouts: dict[int, Layout] = {}
    for place, name in enumerate(names):
        layout = VIEW_OF[name].layout
        layouts[layout.number] = layout
        places.setdefault(layout.number, []).append(place)
    parts = tuple(_part(layout, names, places[number]) for number, layout in layouts.items())
    return Selection(entities.pop(), tuple(names), parts)


def _part(layout: Layout, names: Sequence[str], target: list[int]) -> Part:
    source = [layout.names.index(names[place]) for place in target]
    views = dict.fromkeys(VIEW_OF[names[place]].name for place in target)
    whole = source == list(range(len(layout.names))) and target == list(range(len(names)))
    return Part(
        layout,
        tuple(BY_NAME[name] for name in views),
        np.array(source, np.int64),
        np.array(target, np.int64),
        whole,
        min(BY_NAME[name].stale_after for name in views) * SECOND,
        min(BY_NAME[name].ttl for name in views) * SECOND,
    )


def _names(text: str) -> Sequence[str]:
    if text in VIEW_OF:
        return (text,)
    if text in BY_NAME:
        return BY_NAME[text].names
    view, colon, name = text.partition(":")
    if colon and view in BY_NAME and name in BY_NAME[view].names:
        return (name,)
    raise unknown("feature", text)
