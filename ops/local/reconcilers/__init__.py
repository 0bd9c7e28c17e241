"""Reconcilers: each reads one kind of deployed resource from the local AWS and makes processes match it."""
