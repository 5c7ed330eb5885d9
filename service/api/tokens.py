"""Opaque, signed cursors: where a reader is, in which store, under which filter."""

import base64
import binascii
import hashlib
import hmac
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from service.api.problems import ProblemError

_MAC_BYTES = 16
_FEED = struct.Struct(">B16sQ8s")
_FEED_KIND = 1


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """Everything up to ``seq`` of the store ``store_epoch`` was seen through a filter."""

    store_epoch: uuid.UUID
    seq: int
    filter_hash: bytes


def filter_hash(values: Mapping[str, object]) -> bytes:
    """Eight bytes that tell one set of filters from another; None values count as absent."""
    present = sorted((name, str(value)) for name, value in values.items() if value is not None)
    return hashlib.sha256(msgspec.json.encode(present)).digest()[:8]


class TokenCodec:
    """Signs and opens cursors under a key derived from the pepper."""

    def __init__(self, pepper: str) -> None:
        self._key = hmac.digest(pepper.encode(), b"cuofeng cursor v1", hashlib.sha256)

    def feed_cursor(self, cursor: FeedCursor) -> str:
        """Text of a feed cursor."""
        return self._seal(_FEED.pack(_FEED_KIND, cursor.store_epoch.bytes, cursor.seq, cursor.filter_hash))

    def open_feed_cursor(self, text: str) -> FeedCursor:
        """Raises ProblemError 400 for a text that was not issued here."""
        payload = self._open(text)
        if len(payload) != _FEED.size or payload[0] != _FEED_KIND:
            raise ProblemError(400, "this is no cursor of the alert feed")
        _, epoch, seq, hashed = _FEED.unpack(payload)
        return FeedCursor(uuid.UUID(bytes=epoch), seq, hashed)

    def page_cursor(self, keys: list[str], hashed: bytes) -> str:
        """Text of a keyset cursor: the last row's keys, and the filter it belongs to."""
        return self._seal(b"\x02" + hashed + msgspec.json.encode(keys))

    def open_page_cursor(self, text: str, hashed: bytes, count: int) -> list[str]:
        """The ``count`` keys of a keyset cursor. ProblemError 400 for a foreign text or another filter's cursor."""
        payload = self._open(text)
        if payload[:1] != b"\x02":
            raise ProblemError(400, "this is no cursor of a list")
        if payload[1:9] != hashed:
            raise ProblemError(400, "this cursor belongs to another filter")
        keys = msgspec.json.decode(payload[9:], type=list[str])
        if len(keys) != count:
            raise ProblemError(400, "this cursor belongs to another list")
        return keys

    def _seal(self, payload: bytes) -> str:
        mac = hmac.digest(self._key, payload, hashlib.sha256)[:_MAC_BYTES]
        return base64.urlsafe_b64encode(payload + mac).decode().rstrip("=")

    def _open(self, text: str) -> bytes:
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ProblemError(400, "the cursor is not readable") from None
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, hmac.digest(self._key, payload, hashlib.sha256)[:_MAC_BYTES]):
            raise ProblemError(400, "the cursor was not issued by this service")
        return payload
