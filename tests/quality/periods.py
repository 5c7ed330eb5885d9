"""Reference periods: earlier data only. Each ends with the month before the judged days begin, a week at least before
the order, and reaches back half a year at most, so that cases of one month share one baseline."""

from datetime import date, timedelta

from detectors.slots import local_date, local_day
from tests.quality.case import LEAD, CaseNotPossibleError
from tests.quality.natural import Span
from tests.quality.sites import SLOT_S, Site

LEAST_DAYS = 42
MOST_DAYS = 183
GAP_DAYS = 7


def reference_before(site: Site, slot: int) -> Span:
    """Reference period of an order that begins at a slot. Raises CaseNotPossibleError where too little lies before."""
    latest = local_date(site.zone, (slot - LEAD) * SLOT_S) - timedelta(days=GAP_DAYS)
    end = latest.replace(day=1)
    begin = max(end - timedelta(days=MOST_DAYS), local_date(site.zone, site.first_slot * SLOT_S))
    if (end - begin).days < LEAST_DAYS:
        raise CaseNotPossibleError(f"{site.name}: less than {LEAST_DAYS} days lie before {latest}")
    return Span(_midnight(site, begin), _midnight(site, end))


def _midnight(site: Site, day: date) -> int:
    return max(site.first_slot, local_day(site.zone, day, SLOT_S).first_slot)
