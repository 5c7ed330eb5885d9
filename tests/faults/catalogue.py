"""Every class of fault, in the order of RELIABILITY §5."""

from tests.faults.clock_faults import wrong_clocks
from tests.faults.confluence import confluence
from tests.faults.data_faults import any_order, month_late, spoilt, wrong_topic
from tests.faults.database_faults import backup_restored, cut_sessions, database_away, database_stopped, disk_full
from tests.faults.dose import FaultClass
from tests.faults.feed_load import feed
from tests.faults.network_faults import broker_away, broker_restarted, commit_cut, half_open, latency, resets
from tests.faults.process_faults import freeze, kill, take_over
from tests.faults.reader_faults import many_readers
from tests.faults.topology_faults import more_partitions, rebalance_storm
from tests.faults.trial import Trial

CLASSES = (
    FaultClass("kill", kill, "lines", full=1000, block=50, sample=10),
    FaultClass("take_over", take_over, "members", full=60, block=10, ingesters=2),
    FaultClass("freeze", freeze, "members", full=200, block=20, ingesters=2),
    FaultClass("cut_sessions", cut_sessions, "lines", full=200, block=20, sample=3),
    FaultClass("database_away", database_away, "lines", full=20),
    FaultClass("database_stopped", database_stopped, "database", full=40, block=4, servers="database", sample=2),
    FaultClass("backup_restored", backup_restored, "database", full=20, servers="database"),
    FaultClass("disk_full", disk_full, "disk", full=20, servers="small_disk"),
    FaultClass("broker_away", broker_away, "lines", full=20),
    FaultClass("broker_restarted", broker_restarted, "kafka", full=20, servers="apache", block=2),
    FaultClass("latency", latency, "lines", full=20),
    FaultClass("resets", resets, "lines", full=200, block=10, sample=3),
    FaultClass("half_open", half_open, "lines", full=20),
    FaultClass("commit_cut", commit_cut, "lines", full=200, block=20, sample=4),
    FaultClass("more_partitions", more_partitions, "kafka", full=20, servers="apache"),
    FaultClass("rebalance_storm", rebalance_storm, "members", full=40, block=4, ingesters=3),
    FaultClass("any_order", any_order, "data", full=100, block=5, sample=3),
    FaultClass("spoilt", spoilt, "content", full=200, block=20, sample=4),
    FaultClass("wrong_topic", wrong_topic, "content", full=20),
    FaultClass("wrong_clocks", wrong_clocks, "data", full=80, block=4, sample=2),
    FaultClass("month_late", month_late, "data", full=20, late_days=30),
    FaultClass("many_readers", many_readers, "content", full=40, block=4),
)
#: What needs no world: tried from many seeds, or once with very much.
TRIALS = (
    Trial("confluence", confluence, full=10_000, block=250, sample=12),
    Trial("feed", feed, full=1_000_000, block=1_000_000, sample=2000),
)
BY_NAME = {c.name: c for c in (*CLASSES, *TRIALS)}
