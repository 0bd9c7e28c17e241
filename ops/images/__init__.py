"""``richesreach images``: builds every image, runs it as ECS would, lists and audits what is in it."""
