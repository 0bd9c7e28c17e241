"""The lock of what holds state: which resources an environment has that no deployment may lose."""
