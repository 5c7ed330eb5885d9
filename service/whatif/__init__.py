"""What another setting would have changed: the answer of a comparison, for files, terminal and API."""
