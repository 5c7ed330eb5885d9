"""What an ingest process counts about itself. Cursors, lag, watermarks and rows by outcome are in the database and are
exported from there (``service.observability.metrics``): they outlive the process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENESS_S = (60.0, 300.0, 900.0, 3600.0, 6 * 3600.0, 86400.0, 3 * 86400.0, 10 * 86400.0, 45 * 86400.0)
_BATCH_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


class IngestMetrics:
    """Counters of one ingest process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.rows = Counter(
            "cuofeng_ingest_rows_total", "Rows of committed batches", ("outcome",), registry=self.registry
        )
        self.batches = Counter(
            "cuofeng_ingest_batches_total",
            "Partition batches: committed, fenced, retried, bisected",
            ("result",),
            registry=self.registry,
        )
        self.quarantined = Counter(
            "cuofeng_ingest_quarantined_rows_total", "Rows held or refused", ("code",), registry=self.registry
        )
        self.flags = Counter(
            "cuofeng_ingest_flagged_rows_total", "Accepted rows with a flag", ("flag",), registry=self.registry
        )
        self.lateness = Histogram(
            "cuofeng_ingest_lateness_seconds",
            "Record timestamp less interval end, of accepted rows",
            registry=self.registry,
            buckets=_LATENESS_S,
        )
        self.batch_seconds = Histogram(
            "cuofeng_ingest_commit_duration_seconds",
            "Database time of a committed batch",
            registry=self.registry,
            buckets=_BATCH_S,
        )
        self.rebalances = Counter(
            "cuofeng_ingest_rebalances_total", "Rebalances this member took part in", registry=self.registry
        )
        self.gaps = Counter(
            "cuofeng_ingest_gaps_total", "Records that began behind the cursor: sought back", registry=self.registry
        )
        self.poll_errors = Counter(
            "cuofeng_ingest_poll_errors_total", "Reads of the stream that failed", registry=self.registry
        )
        self.hint_errors = Counter(
            "cuofeng_ingest_commit_hint_errors_total",
            "Offset commits to the broker that failed: no harm, dashboards lag",
            registry=self.registry,
        )
        self.database_away = Gauge(
            "cuofeng_ingest_database_away", "1 while the database does not answer", registry=self.registry
        )
        self.dead_letters = Counter(
            "cuofeng_ingest_dead_letters_total", "Records handed to the dead-letter topic", registry=self.registry
        )
        self.replayed = Counter(
            "cuofeng_ingest_replayed_rows_total", "Held rows that went in after all", registry=self.registry
        )
