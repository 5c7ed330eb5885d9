"""Hand-sized examples of every sentence of SEMANTICS, as data: any implementation can be held against them."""
