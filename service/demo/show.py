"""What the demo shows: live on a terminal, plain lines elsewhere; and at the end what was found of what was planted."""

from collections import Counter, deque
from datetime import datetime
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from service.demo.expected import Comparison, Expected, FoundAlert
from service.demo.player import DAY_S, Moment
from service.demo.poller import Event
from service.demo.season import ZONE

#: Events that a terminal shows at once.
RECENT = 14
_STYLE = {"opened": "bold", "retracted": "green", "closed": "dim", "revised": "yellow"}
_WEEKDAYS = "一二三四五六日"


class Show(Protocol):
    """Where the progress of the demo goes."""

    def say(self, line: str) -> None:
        """One line that stays."""
        ...

    def progress(self, moment: Moment, alerts: dict[str, dict[str, Any]]) -> None:
        """Where the story stands."""
        ...

    def event(self, event: Event) -> None:
        """An event of the change feed."""
        ...

    def close(self) -> None:
        """The story is over."""
        ...


def local(epoch_s: float) -> str:
    """Time in the demo's zone, for people."""
    moment = datetime.fromtimestamp(epoch_s, ZONE)
    return f"{moment:%Y-%m-%d %H:%M} 周{_WEEKDAYS[moment.weekday()]}"


def event_line(event: Event) -> str:
    """An event as one line: when it became certain, what happened, and the first of the alert's own sentences."""
    alert = event.alert
    what = alert["summary"]["zh"].partition("。")[0]
    at = datetime.fromisoformat(alert["opened_at_slot_end"]).astimezone(ZONE)
    return f"{at:%m-%d %H:%M} {event.type:<9} {alert['rule']:<10} {alert['scope_id']:<16} {what}"


def _is_worth_a_line(event: Event) -> bool:
    """Growth of an open alert is not news."""
    return event.type != "updated"


class PlainShow:
    """Lines on standard output: one a day of the story, one an event."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._day = -1

    def say(self, line: str) -> None:
        """See ``Show``."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def progress(self, moment: Moment, alerts: dict[str, dict[str, Any]]) -> None:
        """See ``Show``."""
        day = (moment.now_s + 8 * 3600) // DAY_S
        if day != self._day:
            self._day = day
            self.say(f"-- {local(moment.now_s)}: {moment.sent} of {moment.total} readings sent")

    def event(self, event: Event) -> None:
        """See ``Show``."""
        if _is_worth_a_line(event):
            self.say(event_line(event))

    def close(self) -> None:
        """See ``Show``."""


class LiveShow:
    """A terminal that is drawn anew: the clock of the story, what stands, and the last events."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._live.start()

    def say(self, line: str) -> None:
        """See ``Show``."""
        self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def progress(self, moment: Moment, alerts: dict[str, dict[str, Any]]) -> None:
        """See ``Show``."""
        open_now = Counter(a["rule"] for a in alerts.values() if a["condition"] in ("firing", "recovering"))
        retracted = sum(a["condition"] == "retracted" for a in alerts.values())
        judged = "-" if moment.judged_to_s is None else local(moment.judged_to_s)
        head = Table.grid(padding=(0, 2))
        head.add_row("演示时钟 story clock", Text(local(moment.now_s), style="bold cyan"), "已判定至 judged to", judged)
        head.add_row("读数 readings", f"{moment.sent:,} / {moment.total:,}", "报警 alerts", f"{len(alerts)}")
        standing = ", ".join(f"{rule} {n}" for rule, n in sorted(open_now.items())) or "-"
        head.add_row("未关闭 open", standing, "已撤回 retracted", f"{retracted}")
        events = Table.grid(padding=(0, 1))
        for event in self._recent:
            events.add_row(Text(event_line(event), style=_STYLE.get(event.type, ""), no_wrap=True, overflow="ellipsis"))
        # A bar by itself ends without a new line and would swallow the first event.
        bar = Table.grid(expand=True)
        bar.add_row(ProgressBar(total=max(1, moment.total), completed=moment.sent))
        self._live.update(Group(head, bar, events))

    def event(self, event: Event) -> None:
        """See ``Show``."""
        if _is_worth_a_line(event):
            self._recent.append(event)

    def close(self) -> None:
        """See ``Show``."""
        self._live.stop()


def report(console: Console, comparison: Comparison) -> None:
    """Every planted thing found or missed, and whatever was raised besides."""
    table = Table(title="植入与发现 planted and found", title_justify="left")
    for name in ("", "植入 planted", "", "期望 expected"):
        table.add_column(name, overflow="fold")
    for outcome in comparison.outcomes:
        mark = Text("✓ found", style="green") if outcome.is_found else Text("✗ missed", style="bold red")
        expected = "\n".join(_wanted(e) for e in outcome.planted.expected) or "不报警 no alert"
        table.add_row(mark, outcome.planted.key, f"{outcome.planted.zh}\n{outcome.planted.en}", expected)
    if console.is_terminal:
        console.print(table)
    else:
        for outcome in comparison.outcomes:
            word = "found " if outcome.is_found else "MISSED"
            expected = ", ".join(_wanted(e) for e in outcome.planted.expected) or "no alert"
            _line(console, f"{word} {outcome.planted.key}: {outcome.planted.zh} / {outcome.planted.en} [{expected}]")
    for outcome in comparison.outcomes:
        for missed in outcome.missed:
            _line(console, f"MISSED {outcome.planted.key}: {_wanted(missed)}")
    for alert in comparison.unplanted:
        _line(console, f"UNPLANTED {_raised(alert)}")
    found = sum(o.is_found for o in comparison.outcomes)
    _line(
        console,
        f"{found} of {len(comparison.outcomes)} planted things found, {len(comparison.unplanted)} alerts not planted",
    )


def _line(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _wanted(expected: Expected) -> str:
    after = ", retracted later" if expected.is_retracted else ""
    return f"{expected.rule.value} {expected.scope_id} {local(expected.opened_at_s)[5:]}{after}"


def _raised(alert: FoundAlert) -> str:
    return f"{alert.rule} {alert.scope_id} {local(alert.opened_at_slot_end_s)[5:]} ({alert.condition})"
