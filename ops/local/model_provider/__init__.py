"""Stands in for model providers on the local platform and in tests, and says in every answer that it does."""
