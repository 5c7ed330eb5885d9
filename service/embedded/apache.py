"""One Apache Kafka broker for development and tests, from ``deploy/kafka-dev``: Java and Maven on the machine."""

import re
import shutil
import subprocess
from pathlib import Path

from detectors.errors import InfrastructureError
from service.embedded.broker import answers_metadata
from service.embedded.process import KeptServer, free_port

OLDEST_JAVA = 17
START_TIMEOUT_S = 90.0
FETCH_TIMEOUT_S = 600.0
KAFKA_DEV = Path(__file__).resolve().parents[2] / "deploy" / "kafka-dev"


def missing_programs() -> list[str]:
    """What Apache Kafka needs and this machine lacks: ``java`` (17 or newer), ``mvn``."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if "java" not in missing:
        told = subprocess.run(["java", "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stderr
        major = re.search(r'version "(\d+)', told)
        if major is None or int(major[1]) < OLDEST_JAVA:
            missing.insert(0, f"java (found {told.splitlines()[0] if told else 'nothing that tells its version'})")
    return missing


class ApacheKafka(KeptServer):
    """Apache Kafka, one node in combined mode on free loopback ports. Needs a source checkout, Java >= 17 and Maven."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: data, kept at the end; None: temporary."""
        super().__init__(folder, name="kafka")
        self._port = 0

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._port

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Fetch Kafka's jars where they are not there yet, start, and wait until it answers metadata requests."""
        script = KAFKA_DEV / "start"
        if not script.exists():
            raise InfrastructureError("Apache Kafka for development is part of the source tree, not of the wheel")
        if missing := missing_programs():
            raise InfrastructureError(
                f"Apache Kafka needs Java >= {OLDEST_JAVA} and Maven; lacks: {', '.join(missing)}"
            )
        fetched = subprocess.run(
            [str(script), "--fetch"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S
        )
        if fetched.returncode != 0:
            raise InfrastructureError(
                f"Maven could not fetch Apache Kafka:\n{(fetched.stdout + fetched.stderr)[-4000:]}"
            )
        folder = self.make_folder()
        self._port = self._port or free_port()
        self.launch(
            [str(script), str(self._port), str(free_port()), str(folder / "kafka")],
            is_ready=lambda: answers_metadata("127.0.0.1", self._port),
            timeout_s=START_TIMEOUT_S,
            grace_s=20.0,
        )
