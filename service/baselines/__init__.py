"""Baselines of a reference period: which days of which scopes, from stored days or readings files, to registry rows."""
