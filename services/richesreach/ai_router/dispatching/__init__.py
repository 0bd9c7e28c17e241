"""One request: whom to ask, with what money, for how long, and who is next, until it has ended once."""
