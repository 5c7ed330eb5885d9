"""Kafka's batches as columns: what aiokafka fetched, without its object a record.

Those objects cost more than all that is done with the records afterwards, most of it the garbage collector's walks over
them. aiokafka has no other way out, so ``take_whole`` changes one consumer's buffer of answers: each answer hands out
``Records``. Positions, transactions and checksums stay aiokafka's; ``test_kafka_traps`` holds that.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np

from consumers.ports import Records
from detectors.readings import I64


def take_whole(consumer: Any) -> None:
    """From now on ``consumer.getmany`` of a started consumer gives ``Records``, at most one a partition.
    ``max_records`` counts for each partition, and the last Kafka batch is not cut."""
    fetcher = consumer._fetcher
    fetcher._records = _Answers(fetcher._records)


class _Answers(OrderedDict[Any, Any]):
    """aiokafka's answers to fetches (or errors) by partition."""

    def __setitem__(self, partition: Any, answer: Any) -> None:
        if hasattr(answer, "getall"):
            answer.getall = _Drain(answer)
        super().__setitem__(partition, answer)


class _Drain:
    """``getall`` of one answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        reader = answer._partition_records
        reader._records = _Batches(reader)
        reader._consumer_record = lambda _partition, batch: batch.records

    def __call__(self, max_records: int) -> "list[Records]":
        answer = self._answer
        if not answer.check_assignment(answer._topic_partition) or not answer.has_more():
            return []
        found: list[Records] = []
        count = 0
        for records in answer._partition_records:
            found.append(records)
            count += len(records)
            if count >= max_records:
                answer._update_position()
                break
        else:
            answer._update_position()
            answer._partition_records = None
        return [Records.concat(found)] if found else []


class _Batches:
    """The batches of an answer, each with one item: all its records from the position on."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._batches = reader._records
        self.has_next = self._batches.has_next

    def next_batch(self) -> "_Batch":
        return _Batch(self._batches.next_batch(), self._reader.next_fetch_offset)


class _Batch:
    """A Kafka batch that counts as one record, its last."""

    def __init__(self, batch: Any, position: int) -> None:
        self._batch = batch
        self._position = position
        self.offset = -1
        self.records: Records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # a control batch is asked for its marker
        return next(self._batch)

    def __iter__(self) -> "Iterator[_Batch]":
        records = list(self._batch)
        if records and records[0].offset < self._position:  # a batch is sent whole, wherever one reads from
            records = [r for r in records if r.offset >= self._position]
        if records:
            headers = [r.headers for r in records]
            self.records = Records(
                _offsets(self._batch, records),
                np.array([r.timestamp for r in records], np.int64),
                [r.key for r in records],
                [r.value for r in records],
                headers if any(headers) else None,
            )
            self.offset = records[-1].offset
            yield self


def _offsets(batch: Any, records: list[Any]) -> I64:
    first = records[0].offset
    if batch.next_offset - first == len(records):  # nothing was compacted away
        return np.arange(first, batch.next_offset)
    return np.array([r.offset for r in records], np.int64)
