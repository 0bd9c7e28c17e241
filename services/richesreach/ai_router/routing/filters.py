"""Which models cannot serve a request, whatever their score: what does not change from request to request.

What depends on the prompt's length, the time and the money left is looked at in `router`, for each request.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from richesreach.ai_router.model import Model
from richesreach.ai_router.routing.asked import AUTO, Asked
from richesreach.ai_router.routing.catalogue import Catalogue, key_of
from richesreach.ai_router.routing.decision import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Wanted:
    """The models that a caller means: groups to be tried in turn, and whether the name meant anything."""

    groups: tuple[tuple[Model, ...], ...]
    known: bool
    # The last group is whatever else may serve, held to the quality of what was named.
    substitutes: bool = False


def wanted(catalogue: Catalogue, asked: Asked) -> Wanted:
    if asked.model == AUTO:
        return Wanted((catalogue.models,), known=True)
    named = catalogue.named(asked.model)
    groups, taken = [named], set(map(key_of, named))
    known = bool(named)
    for name in asked.fallbacks or ():
        found = catalogue.models if name == AUTO else catalogue.named(name)
        known = known or (name != AUTO and bool(found))
        group = tuple(model for model in found if key_of(model) not in taken)
        taken.update(map(key_of, group))
        groups.append(group)
    return Wanted(tuple(groups), known, substitutes=AUTO in (asked.fallbacks or ()))


def unfit(model: Model, asked: Asked, *, enabled: bool) -> Rejected | None:
    """Why `model` can serve no request of this kind; None where it can."""
    return next(_objections(model, asked, enabled=enabled), None)


def _objections(model: Model, asked: Asked, *, enabled: bool) -> Iterator[Rejected]:
    if model.kind != asked.kind:
        yield Rejected(model, Reason.WRONG_KIND, f"it is a model for {model.kind}, not for {asked.kind}")
    if not enabled:
        yield Rejected(model, Reason.DISABLED, f"{model.provider} has no key here")
    if asked.allowed is not None and not _allowed(model, asked.allowed):
        yield Rejected(model, Reason.NOT_ALLOWED, "the caller may not use it")
    if missing := asked.modalities - model.modalities:
        yield Rejected(model, Reason.MODALITY, f"it takes no {_listed(missing)}")
    if missing := asked.features - model.features:
        yield Rejected(model, Reason.FEATURE, f"it has no {_listed(missing)}")
    if asked.residency is not None and not model.regions <= asked.residency:
        yield Rejected(
            model,
            Reason.RESIDENCY,
            f"it may be processed in {_listed(model.regions)}, wanted is {_listed(asked.residency)}",
        )


def _allowed(model: Model, allowed: frozenset[str]) -> bool:
    return not allowed.isdisjoint({model.name, key_of(model), f"{model.provider}/*"})


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
