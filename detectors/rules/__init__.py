"""One phenomenon a file: arrays in, flags or alerts out, thresholds as keywords, no state (DOMAIN §5)."""
