"""Rate limits: how much each caller may ask, counted for all tasks of the region together."""
