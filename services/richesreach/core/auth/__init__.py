"""Who calls: tokens of the user pool, API keys and the platform's own services, all as one `Identity`."""
