"""What becomes of a prompt before it is routed: templates, bounds, redaction, and trimming to a window."""
