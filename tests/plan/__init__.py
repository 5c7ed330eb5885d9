"""The plan by hand: made plants, and beside each what the plan's text decides. See README.md."""
