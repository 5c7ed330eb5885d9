"""The pure core: meter readings, orders and baselines in, verdicts, days and alerts out.

Imports numpy and the standard library only, asks no clock and no host: ``as_of`` is an argument.
"""
