"""Load: what shoppers do (journeys), how it is sent (driver), what came of it (tally)."""
