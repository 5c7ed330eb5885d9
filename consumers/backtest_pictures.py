"""Pictures of the alerts of a back-test: the same that the service draws, two languages each."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from consumers.alert_view import AlertViews
from detectors.alerts import Alert
from detectors.judge import DayResult
from detectors.world import World
from service.db.scope_days_read import SlotView, slot_views
from service.pictures.alert_span import alert_slots
from service.pictures.drawing import draw
from service.pictures.evidence import evidence
from service.pictures.words import LANGUAGES


class Pictures:
    """Writes ``RULE-ALERT_ID.LANGUAGE.svg`` for each alert into ``folder``, which need not be there yet."""

    def __init__(self, world: World, as_of: int, folder: Path) -> None:
        self._world, self._as_of, self._folder = world, as_of, folder
        self._views = AlertViews(world)

    def write(self, alerts: Iterable[Alert], place_of: Mapping[str, int], results: Sequence[DayResult]) -> None:
        """Draw alerts of scopes. place_of: of each scope in the results, which hold their slots, day after day."""
        for alert in alerts:
            view = self._views.render(alert, self._as_of)
            first, count = alert_slots(view, self._world.slot_s, ZoneInfo(self._world.zone))
            slots = _slots_between(results, place_of[alert.scope_id], first, first + count, self._world.slot_s)
            shown = evidence(self._world, alert.scope_id, slots, first, count, view)
            self._folder.mkdir(parents=True, exist_ok=True)
            for language in LANGUAGES:
                path = self._folder / f"{alert.rule.value}-{view['id']}.{language}.svg"
                path.write_text(draw(shown, language), encoding="utf-8")


def _slots_between(results: Sequence[DayResult], place: int, begin: int, end: int, slot_s: int) -> list[SlotView]:
    """Judged slots ``[begin, end)`` of a scope."""
    found: list[SlotView] = []
    for result in results:
        first, slots = result.first_slot, result.slots[place]
        low, high = max(begin, first), min(end, first + len(slots))
        if low < high:
            count = high - low
            orders, versions = [result.order_ids[place]] * count, [result.baseline_versions[place]] * count
            found += slot_views(slots[low - first : high - first], range(low, high), slot_s, orders, versions)
    return found
