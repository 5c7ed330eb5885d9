"""Real parts for the tests: one PostgreSQL and one broker a session, a fresh database and topic a test."""

import asyncio
import os
import shutil
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any, TypeVar

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.engine import make_engine
from service.db.migrate import migrate
from service.embedded import ApacheKafka, EmbeddedBroker, EmbeddedPostgres
from service.embedded.apache import missing_programs

FULL = os.environ.get("CUOFENG_TEST_FULL") == "1"
BROKER = os.environ.get("CUOFENG_TEST_BROKER", "embedded")
PARTITIONS = 4
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAMS: dict[str, Callable[[], bool]] = {
    "java": lambda: not missing_programs(),
    "prometheus": lambda: shutil.which("prometheus") is not None and shutil.which("promtool") is not None,
    "chromium": lambda: any(shutil.which(name) for name in CHROMIUM_NAMES),
}
"""What a test with this marker needs on the machine, beyond Python and git."""
LEFT_OUT = pytest.StashKey[Counter[str]]()
T = TypeVar("T")


def refuse_outside(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: no test may talk to anything but this machine. Sees every socket of Python, asyncio's own too."""
    if event == "socket.connect" or event in ("socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise PermissionError(f"a test tried to reach {address[0]}: loopback only")
    elif event == "socket.getaddrinfo" and args[0] is not None:
        host = args[0].decode() if isinstance(args[0], bytes) else str(args[0])
        if not _is_loopback(host):
            raise PermissionError(f"a test tried to look up {host}: loopback only")


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1", "0.0.0.0", "::", "") or host.startswith("127.")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, outside pytest-asyncio's."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


def pytest_configure(config: pytest.Config) -> None:
    """Close the machine to the outside for the whole run; servers given from outside stay reachable."""
    config.stash[LEFT_OUT] = Counter()
    if not os.environ.get("CUOFENG_DATABASE_URL") and not os.environ.get("CUOFENG_KAFKA_BOOTSTRAP"):
        sys.addaudithook(refuse_outside)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a program beyond a fresh machine, count it; with CUOFENG_TEST_FULL=1 nothing is left out."""
    if FULL:
        return
    left_out = config.stash[LEFT_OUT]
    if BROKER == "apache" and (missing := missing_programs()):
        for item in items:
            if item.get_closest_marker("kafka"):
                left_out["kafka"] += 1
                item.add_marker(pytest.mark.skip(reason=f"no Apache Kafka here, lacks: {', '.join(missing)}"))
    for item in items:
        for marker in PROGRAMS:
            if item.get_closest_marker(marker):
                left_out[marker] += 1
                item.add_marker(pytest.mark.skip(reason=f"needs {marker}: runs with CUOFENG_TEST_FULL=1"))
                break


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In a full run a missing program is a failure, not a reason to look away."""
    if FULL:
        for marker, is_here in PROGRAMS.items():
            if item.get_closest_marker(marker) and not is_here():
                pytest.fail(f"CUOFENG_TEST_FULL=1 and {marker} is not installed", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In a full run a test that skips itself did not run: a failure too."""
    report = yield
    if FULL and report.skipped and any(item.get_closest_marker(marker) for marker in PROGRAMS):
        report.outcome = "failed"
        report.longrepr = f"skipped in a full run: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    counts = config.stash[LEFT_OUT]
    said = ", ".join(f"{counts[m]} {m}" for m in ("kafka", *PROGRAMS) if counts[m]) or "nothing"
    terminalreporter.write_line(f"broker: {BROKER}; left out: {said}")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Address of a server where databases can be made: CUOFENG_DATABASE_URL, or an embedded PostgreSQL."""
    given = os.environ.get("CUOFENG_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedPostgres(fsync=False) as server:
        yield server.url


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> Iterator[str]:
    """Name of a migrated database that fresh ones are copied from."""
    name = f"cuofeng_template_{uuid.uuid4().hex[:8]}"
    run(_administer(postgres_url, f"CREATE DATABASE {name}"))
    run(_migrate(_with_database(postgres_url, name)))
    yield name
    run(_administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """A fresh, migrated database; dropped after the test."""
    name = f"cuofeng_test_{uuid.uuid4().hex[:12]}"
    run(_administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template_database}"))
    yield _with_database(postgres_url, name)
    run(_administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A fresh database without any table; dropped after the test."""
    name = f"cuofeng_empty_{uuid.uuid4().hex[:12]}"
    run(_administer(postgres_url, f"CREATE DATABASE {name}"))
    yield _with_database(postgres_url, name)
    run(_administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the test's database."""
    made = make_engine(database_url, name="test")
    yield made
    await made.dispose()


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap servers: CUOFENG_KAFKA_BOOTSTRAP, Apache Kafka (CUOFENG_TEST_BROKER=apache), or the embedded broker."""
    given = os.environ.get("CUOFENG_KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    with ApacheKafka() if BROKER == "apache" else EmbeddedBroker() as server:
        yield server.bootstrap


@pytest.fixture
def topic(broker: str) -> str:
    """A fresh topic with four partitions."""
    name = f"readings-{uuid.uuid4().hex[:12]}"
    run(create_topic(broker, name, PARTITIONS))
    return name


async def create_topic(bootstrap: str, name: str, partitions: int) -> None:
    """Create a topic and wait until the broker tells its partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1)])
        for _ in range(200):
            described = await admin.describe_topics([name])
            if described[0]["error_code"] == 0 and len(described[0]["partitions"]) == partitions:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"the broker does not show topic {name}: {described}")
    finally:
        await admin.close()


def _with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def _administer(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(url: str) -> None:
    engine = make_engine(url, name="test-migrate", pool_size=1)
    try:
        await migrate(engine)
    finally:
        await engine.dispose()
