"""What models read of symbols and portfolios: online the newest values, offline those of any time."""
