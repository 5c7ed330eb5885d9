"""`cap_abs`: load above the approved kW x 1.02 in 2 of 4 quarter-hours (SEMANTICS §3.13, §5.24)."""

from detectors.rules.over import OverRule
from detectors.vocab import Rule

CAP_ABS = OverRule(Rule.CAP_ABS, n_min=30, m_min=60)
