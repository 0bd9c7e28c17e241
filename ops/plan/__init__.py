"""``richesreach plan``: what a deployment would change, risk and cost, before it happens."""
