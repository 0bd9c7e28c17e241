"""Settings of the AI router beside those of every service: its providers, with their keys, and time-outs.

`SECRET_AI_PROVIDERS` is the secret's JSON:

    {"openai": {"keys": [{"id": "a", "key": "…", "weight": 3}, {"id": "b", "key": "…"}]},
     "anthropic": {"keys": [{"id": "a", "key": "…"}]}, "google": {"keys": [{"id": "a", "key": "…"}]},
     "bedrock": {},
     "compatible": {"vllm": {"base_url": "https://models.example.com/v1", "keys": [], "models": ["llama"]}}}

Bedrock is asked in the task's own region where its `region` names no other.

`OPENAI_API_KEY`, `ANTHROPIC_API_KEY` and `GOOGLE_API_KEY` give one key each where the secret has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import msgspec

from richesreach.ai_router.answers.model import Keeping
from richesreach.ai_router.overrides import Overrides
from richesreach.ai_router.places import Place, read_places
from richesreach.core.environment_reader import Reader
from richesreach.core.settings import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class AiSettings:
    """Seconds. `private_providers` lets base URLs be plain HTTP and lead into private networks.

    In microdollars: `default_budget` is the limit by month of an organisation that was given none, 0 is no
    limit; `unasked_budget` is what a process may spend of one while nobody can say what is left. `answers`
    says which are kept, for `answers_ttl`; `semantic_answers` gives them to almost the same questions too.
    """

    providers: Mapping[str, Place]
    private_providers: bool
    connect_timeout: int
    answer_timeout: int
    silence_timeout: int
    provider_connections: int
    max_body_megabytes: int
    default_budget: int
    unasked_budget: int
    answers: Keeping
    answers_ttl: int
    semantic_answers: bool
    record_days: int
    overrides: Overrides

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every variable; raises one SettingsError that names all that are missing or wrong."""
        read = Reader(environ)
        # The local platform's provider is a mock on a loopback address.
        private = read.flag("AI_PRIVATE_PROVIDERS", default=read.text("ENVIRONMENT", default="") == "local")
        settings = cls(
            providers=read_places(read, private=private),
            private_providers=private,
            connect_timeout=read.number("AI_CONNECT_TIMEOUT", 1, 30, default=3),
            answer_timeout=read.number("AI_ANSWER_TIMEOUT", 1, 600, default=50),
            silence_timeout=read.number("AI_SILENCE_TIMEOUT", 1, 600, default=30),
            provider_connections=read.number("AI_PROVIDER_CONNECTIONS", 1, 10_000, default=1_000),
            max_body_megabytes=read.number("AI_MAX_BODY_MEGABYTES", 1, 64, default=20),
            default_budget=read.number("AI_DEFAULT_BUDGET", 0, 10**15, default=5_000_000),
            unasked_budget=read.number("AI_UNASKED_BUDGET", 0, 10**12, default=50_000),
            answers=_keeping(read),
            answers_ttl=read.number("AI_ANSWERS_TTL", 1, 86_400, default=300),
            semantic_answers=read.flag("AI_SEMANTIC_ANSWERS", default=False),
            record_days=read.number("AI_RECORD_DAYS", 1, 3_650, default=90),
            overrides=_overrides(read),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings


def _overrides(read: Reader) -> Overrides:
    try:
        return Overrides.read(read.text("AI_POLICY", default="{}"))
    except msgspec.DecodeError as error:
        read.problems.append(f"AI_POLICY is not what it should be: {error}")
        return Overrides()


def _keeping(read: Reader) -> Keeping:
    names = {kind.name: kind for kind in Keeping}
    told = read.choice("AI_ANSWERS", tuple(names), default=Keeping.DETERMINISTIC.name)
    return names.get(told, Keeping.DETERMINISTIC)
