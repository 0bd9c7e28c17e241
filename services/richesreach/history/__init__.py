"""History: bars into Postgres; ticks, bars and indicators into the region's lake."""
