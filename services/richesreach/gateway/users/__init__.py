"""Users, roles, API keys and the audit trail."""
