"""Asking vendors of data: one connection, at a pace, within bounds, and what their refusals mean."""
