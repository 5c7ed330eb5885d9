"""The packed slots of ``scope_days``, also where a version before 0004 wrote the row."""

#: As ``detectors.days.unpacked`` takes it. That version wrote the slots as they are, and on a row of ours left
#: ``packed`` as it was: its own slots tell.
PACKED = "CASE WHEN slots = '' THEN packed ELSE '\\x0080'::bytea || slots END"
#: A local day is never longer, in seconds.
LONGEST_DAY_S = 25 * 3600
