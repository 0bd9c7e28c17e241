"""Which model answers: what is known of each, what a request needs, and the order that follows."""
