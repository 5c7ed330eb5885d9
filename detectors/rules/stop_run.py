"""`stop_run`: a stopped plant runs. Load above residual + 5 % of R in 3 of 4 quarter-hours (SEMANTICS §3.14, §5.24)."""

from detectors.rules.over import OverRule
from detectors.vocab import Rule

STOP_RUN = OverRule(Rule.STOP_RUN, n_min=45, m_min=60)
