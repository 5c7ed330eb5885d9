"""The fixtures every other test leans on: a fresh database and topic, and no way out of this machine."""

import asyncio
import socket

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

OUTSIDE = "192.0.2.1"  # RFC 5737: documentation, never routed


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_database_of_its_own(engine: AsyncEngine, turn: int) -> None:
    async with engine.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM sources")) == 0
        assert await connection.scalar(text("SELECT count(*) FROM feed_head")) == 1
        await connection.execute(text("INSERT INTO sources (source) VALUES (:s)"), {"s": f"grid-{turn}"})


@pytest.mark.kafka
async def test_a_topic_takes_and_gives_records_on_four_partitions(broker: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        for partition in range(4):
            await producer.send_and_wait(topic, f"r{partition}".encode(), partition=partition)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    try:
        seen: set[tuple[int, bytes]] = set()
        while len(seen) < 4:
            record = await asyncio.wait_for(consumer.getone(), 20)
            seen.add((record.partition, record.value))
    finally:
        await consumer.stop()
    assert seen == {(p, f"r{p}".encode()) for p in range(4)}


def test_a_plain_socket_cannot_leave_the_machine() -> None:
    with socket.socket() as plain, pytest.raises(PermissionError, match="loopback only"):
        plain.connect((OUTSIDE, 9))


async def test_asyncio_cannot_leave_the_machine() -> None:
    with pytest.raises(PermissionError, match="loopback only"):
        await asyncio.open_connection(OUTSIDE, 9)
    with socket.socket() as plain:
        plain.setblocking(False)
        with pytest.raises(PermissionError, match="loopback only"):
            await asyncio.get_running_loop().sock_connect(plain, (OUTSIDE, 9))


def test_names_are_not_looked_up() -> None:
    with pytest.raises(PermissionError, match="loopback only"):
        socket.getaddrinfo("example.org", 443)
