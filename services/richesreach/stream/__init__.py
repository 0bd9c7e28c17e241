"""Ticks become bars, bars become indicators, and both become feature vectors."""
