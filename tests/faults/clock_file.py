"""A clock that lies in a file: the harness sets it, a process of the service reads it."""

import os
import struct
from pathlib import Path

_TIME = struct.Struct("<d")


class ClockFile:
    """Epoch seconds in eight bytes. The reading side of a process that the harness started."""

    def __init__(self, path: Path | str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return float(_TIME.unpack(os.pread(self._file, _TIME.size, 0))[0])

    def set(self, epoch_s: float) -> None:
        """Any time, an earlier one too."""
        os.pwrite(self._file, _TIME.pack(epoch_s), 0)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)
