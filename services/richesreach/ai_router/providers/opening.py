"""The providers of a deployment, out of its settings."""

from collections.abc import Mapping

from richesreach.ai_router.places import Place
from richesreach.ai_router.providers.anthropic import Anthropic
from richesreach.ai_router.providers.bedrock import Bedrock
from richesreach.ai_router.providers.connections import Connections
from richesreach.ai_router.providers.credentials import Credentials
from richesreach.ai_router.providers.google import Google
from richesreach.ai_router.providers.openai import OpenAI
from richesreach.ai_router.providers.provider import Provider


def open_providers(places: Mapping[str, Place], connections: Connections) -> dict[str, Provider]:
    """Each enabled provider by its name. All of them share the connections."""
    return {name: _provider(place, connections) for name, place in places.items()}


def credentials_of(places: Mapping[str, Place]) -> Credentials:
    return Credentials({name: place.credentials for name, place in places.items()})


def _provider(place: Place, connections: Connections) -> Provider:
    match place.kind:
        case "anthropic":
            return Anthropic(place.name, place.base_url, connections)
        case "google":
            return Google(place.name, place.base_url, connections)
        case "bedrock":
            return Bedrock(place.name, place.base_url, place.region or "", connections)
        case "openai" | "compatible":
            return OpenAI(place.name, place.base_url, connections)
