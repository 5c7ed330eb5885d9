"""A city's plan as data: the rulebook, what it decides for each plant and line, and the orders that follow."""
