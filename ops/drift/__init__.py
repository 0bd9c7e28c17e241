"""``richesreach drift``: what is no longer as the templates made it."""
