"""Deploys and destroys an environment region by region."""
