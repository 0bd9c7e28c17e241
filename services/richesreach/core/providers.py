"""External data and model providers. Without its key a provider is disabled, and everything else works."""

from collections.abc import Mapping

# Only the presence of a key is ever kept: the service that calls a provider reads the key itself.
KEY_VARIABLES: Mapping[str, str] = {
    "alpha_vantage": "ALPHA_VANTAGE_API_KEY",
    "bloomberg": "BLOOMBERG_API_KEY",
    "coingecko": "COINGECKO_API_KEY",
    "finnhub": "FINNHUB_API_KEY",
    "openai": "OPENAI_API_KEY",
    "polygon": "POLYGON_API_KEY",
    "refinitiv": "REFINITIV_API_KEY",
    "sp_global": "SP_GLOBAL_API_KEY",
}


def enabled_providers(environ: Mapping[str, str]) -> frozenset[str]:
    """Names of the providers whose key is set to something other than blanks."""
    return frozenset(name for name, variable in KEY_VARIABLES.items() if environ.get(variable, "").strip())
