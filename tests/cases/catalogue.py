"""All cases: importing the modules registers them."""

from tests.cases import (
    s1_time,
    s2_energy,
    s2_zeros,
    s3_caps,
    s3_orders,
    s3_units,
    s4_verdicts,
    s5_alerts,
    s5_days,
    s5_faults,
    s5_health,
    s5_heard,
    s5_jumps,
    s5_levels,
    s5_low_confidence,
    s5_night,
)
from tests.cases.expect import CASES

MODULES = (
    s1_time,
    s2_energy,
    s2_zeros,
    s3_caps,
    s3_orders,
    s3_units,
    s4_verdicts,
    s5_alerts,
    s5_days,
    s5_faults,
    s5_health,
    s5_heard,
    s5_jumps,
    s5_levels,
    s5_low_confidence,
    s5_night,
)
__all__ = ["CASES", "MODULES"]
