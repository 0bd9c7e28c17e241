"""Which service calls which: what a manifest's ``calls`` must hold, and the order that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from stacks.errors import ConfigurationError


@dataclass(frozen=True)
class Caller:
    """A service by what matters here: its manifest, whom it calls, and whether every region has it."""

    file: str
    calls: Sequence[str]
    everywhere: bool


def check_calls(services: Mapping[str, Caller]) -> None:
    """Names are of the own region's services, and lead in no circle.

    A task of Service Connect knows the neighbours that there were when it was deployed ("Service Connect",
    ECS developer guide), so who is called is deployed first, and two that call each other cannot be.

    Raises:
        ConfigurationError: with the mend.
    """
    for name, service in services.items():
        known = ", ".join(sorted(services.keys() - {name})) or "none"
        for other in service.calls:
            if other == name or other not in services:
                what = f"{other} is the service itself" if other == name else f"{other} is no service"
                raise ConfigurationError(service.file, "calls", what, f"name one of the others: {known}")
            if service.everywhere and not services[other].everywhere:
                what = f"{other} runs in the writer region alone, and names reach no other region"
                raise ConfigurationError(
                    service.file, "calls", what, "tell it by an event, or place it in every region"
                )
    _check_order(services)


def _check_order(services: Mapping[str, Caller]) -> None:
    try:
        TopologicalSorter({name: service.calls for name, service in services.items()}).prepare()
    except CycleError as error:
        circle = [str(name) for name in error.args[1]]
        raise ConfigurationError(
            services[circle[0]].file,
            "calls",
            f"goes in a circle: {' -> '.join(reversed(circle))}",
            "let one of them be told by an event, or by its caller",
        ) from None


def variables(name: str, port: int, grpc: int | None) -> dict[str, str]:
    """What a caller of the service finds in its environment."""
    variable = "NEIGHBOUR_" + name.upper().replace("-", "_")
    found = {f"{variable}_HTTP": f"http://{name}:{port}"}
    if grpc:
        found[f"{variable}_GRPC"] = f"{name}-grpc:{grpc}"
    return found
