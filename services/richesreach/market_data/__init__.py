"""Market data: what vendors say, checked, counted, packed and published."""
