"""Takes an environment, or a part of it, down again in the order in which AWS lets it go."""
