"""What the audit of the list finds: codes, severities, and the row of one finding."""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much hangs on it."""

    ERROR = "error"  # a duty is not fulfilled, or an order cannot be judged at all
    WARNING = "warning"  # somebody has to look
    NOTE = "note"


class Code(StrEnum):
    """What is wrong. In the order in which a plant's findings are shown."""

    UNLISTED = "unlisted"
    """The rulebook orders the plant or line, or may, and the office's list does not name it."""
    RUNS_UNLISTED = "runs_unlisted"
    """A plant or account of a trade of the plan runs, and nothing is ordered of it."""
    UNDECIDED = "undecided"
    """Attributes are missing that would decide."""
    LISTED_NOT_COVERED = "listed_not_covered"
    """The list names it, and the rulebook orders nothing of it."""
    PLAN_REFUSED = "plan_refused"
    """The plant's own plan asks for less than its clause, or does not fit."""
    NO_METER = "no_meter"
    """Nothing measures what is ordered."""
    SILENT = "silent"
    """A meter has given no valid reading for a day."""
    NO_BASELINE = "no_baseline"
    """What is ordered is a share of a baseline that there is not."""
    LINES_WITHOUT_UNITS = "lines_without_units"
    """Running lines can be neither counted nor estimated."""
    COKING_WITHOUT_PUSHES = "coking_without_pushes"
    """A coking time without a meter of the pushing machine."""
    TREATMENT_UNJUDGED = "treatment_unjudged"
    """Treatment has a meter, and nothing tells when it is off."""
    APPROVAL_MISSING = "approval_missing"
    """A task of livelihood, and no approved maximum load in force."""
    APPROVER_DIFFERS = "approver_differs"
    """An approval by another office than the clause names."""
    FILING_MISSING = "filing_missing"
    """An approval that was not filed where the clause wants it."""
    UNKNOWN_ACCOUNT = "unknown_account"
    """Readings of a meter that the registry does not know wait in quarantine."""
    NO_LIST = "no_list"
    """There is no list of the rulebook's document: every plant counts as listed."""
    NOT_APPLIED = "not_applied"
    """Orders do not stand as the rulebook asks: the list, a plan, a warning or the rulebook changed since."""
    RULEBOOK_UNREADABLE = "rulebook_unreadable"
    """A rulebook that was applied is not understood by this version: nothing was compared with it."""


SEVERITY = {
    Code.UNLISTED: Severity.ERROR,
    Code.RUNS_UNLISTED: Severity.ERROR,
    Code.UNDECIDED: Severity.WARNING,
    Code.LISTED_NOT_COVERED: Severity.WARNING,
    Code.PLAN_REFUSED: Severity.ERROR,
    Code.NO_METER: Severity.ERROR,
    Code.SILENT: Severity.ERROR,
    Code.NO_BASELINE: Severity.ERROR,
    Code.LINES_WITHOUT_UNITS: Severity.WARNING,
    Code.COKING_WITHOUT_PUSHES: Severity.WARNING,
    Code.TREATMENT_UNJUDGED: Severity.WARNING,
    Code.APPROVAL_MISSING: Severity.WARNING,
    Code.APPROVER_DIFFERS: Severity.WARNING,
    Code.FILING_MISSING: Severity.NOTE,
    Code.UNKNOWN_ACCOUNT: Severity.WARNING,
    Code.NO_LIST: Severity.WARNING,
    Code.NOT_APPLIED: Severity.ERROR,
    Code.RULEBOOK_UNREADABLE: Severity.ERROR,
}


@dataclass(frozen=True, slots=True)
class Where:
    """Whom a finding is about. Without a plant it belongs to no county."""

    plant_id: str | None = None
    line_id: str | None = None
    scope_id: str | None = None
    meter_id: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to set right. since: epoch seconds. zh, en: what is found; do_zh, do_en: what to do. numbers: what was
    measured, names with units."""

    code: Code
    severity: Severity
    where: Where
    rulebook: str | None
    clause: str | None
    zh: str
    en: str
    do_zh: str
    do_en: str
    since: int | None = None
    missing: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
    county: str | None = None
    plant_name: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Names the finding, and sorts findings: by plant, then in the order of ``Code``; those of no plant last."""
        at = self.where
        parts = (at.line_id, at.scope_id, at.meter_id, at.account, self.rulebook, self.clause)
        place = f"{list(Code).index(self.code):02d}"
        return at.plant_id or LAST, place, "\x1f".join(part or "" for part in parts)


#: Sorts behind every plant.
LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class HeldMeter:
    """Readings in quarantine of a meter that the registry does not know. first_s: of the oldest record, epoch s."""

    meter_id: str
    source: str
    rows: int
    first_s: int
