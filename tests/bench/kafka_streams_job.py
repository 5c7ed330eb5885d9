"""The Kafka Streams job (kafka_streams/WindowMean.java) on the topic that the service reads."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from consumers.kafka import create_topics
from tests.bench.messages import PARTITIONS
from tests.bench.processes import ROOT, Process
from tests.bench.world import World

SOURCE = Path(__file__).with_name("kafka_streams")
LIBS = ROOT / "build" / "kafka-streams"
#: On two cores the fastest of 1, 2 and 4.
THREADS = 2
LIMIT_S = 900.0
STOP_CAP_DKW, LIMIT_CAP_DKW = 1_000, 4_667


@dataclass(frozen=True, slots=True)
class Streamed:
    """What the job told. rate: readings/s; cpu_s: of the whole JVM."""

    rate: float
    cpu_s: float


async def stream_job(bootstrap: str, topic: str, world: World, *, changelog: bool) -> Streamed:
    """Run the job until it has consumed the whole topic. Raises RuntimeError when its violations are not the world's.

    changelog: whether the in-memory store is logged to a topic, as it is by default.
    """
    _fetch()
    output = f"violations-{uuid4().hex[:8]}"
    await create_topics(bootstrap, [output], PARTITIONS)
    with TemporaryDirectory() as state:
        words = [bootstrap, topic, output, str(world.readings), str(world.meters), str(THREADS), state]
        command = ["java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{LIBS}/*"]
        command += [str(SOURCE / "WindowMean.java"), *words, str(changelog).lower()]
        with Process("kafka-streams", command, {}) as job:
            told = json.loads(job.finish(LIMIT_S).splitlines()[-1])
    expected = sum(_violations(world, slot) for slot in range(world.slots))
    if told["violations"] != expected:
        raise RuntimeError(f"Kafka Streams found {told['violations']} violations, the readings hold {expected}")
    return Streamed(world.readings / told["wall_s"], told["cpu_s"])


def _violations(world: World, slot: int) -> int:
    loads = world.loads_dkw(slot)
    return int((loads[1::2] > STOP_CAP_DKW).sum() + (loads[::2] > LIMIT_CAP_DKW).sum())


def _fetch() -> None:
    """The jars, once; another pom fetches again."""
    stamp = LIBS / "pom.xml"
    if stamp.exists() and stamp.read_bytes() == (SOURCE / "pom.xml").read_bytes():
        return
    shutil.rmtree(LIBS, ignore_errors=True)
    command = ["mvn", "--batch-mode", "--quiet", "-f", str(SOURCE / "pom.xml"), "dependency:copy-dependencies"]
    fetched = subprocess.run(
        [*command, f"-DoutputDirectory={LIBS}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
    )
    if fetched.returncode:
        raise RuntimeError(f"Maven could not fetch Kafka Streams:\n{(fetched.stdout + fetched.stderr)[-4000:]}")
    shutil.copy(SOURCE / "pom.xml", stamp)
