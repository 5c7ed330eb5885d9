"""`limit_slot`: a limited plant draws more than its share. Load above cap x 1.05 in 6 of 8 quarter-hours, only where
the order's measure is power (SEMANTICS §3.15, §5.24)."""

from detectors.rules.over import OverRule
from detectors.vocab import Rule

LIMIT_SLOT = OverRule(Rule.LIMIT_SLOT, n_min=90, m_min=120)
