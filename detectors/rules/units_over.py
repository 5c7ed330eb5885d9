"""`units_over`: more lines or cells run than allowed. Surely so in 3 of 4 quarter-hours: counted from the meters of the
lines, or, where they have none, one more than allowed by the load of all (DOMAIN §2, §5)."""

from detectors.rules.over import OverRule
from detectors.vocab import Rule

UNITS_OVER = OverRule(Rule.UNITS_OVER, n_min=45, m_min=60)
