"""What every service shares: settings, logs, metrics, health, errors, database, cache, server."""
