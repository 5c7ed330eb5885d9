"""The parts that the demo runs on: a database and a broker of its own, and nothing of them left at the end."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from consumers.kafka import create_topics, delete_topics
from detectors.errors import InputError
from service.db.engine import make_engine
from service.db.migrate import migrate
from service.db.scratch import create_database, drop_database
from service.embedded import ApacheKafka, EmbeddedBroker, EmbeddedPostgres
from service.settings import Settings

BROKER_VARIABLE = "CUOFENG_DEMO_BROKER"
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are, and what to call them."""

    database_url: str
    bootstrap: str
    database_name: str
    broker_name: str


@contextmanager
def servers(settings: Settings, broker: str | None) -> Iterator[Servers]:
    """The configured database and broker, else embedded ones that end with the body.

    broker: ``embedded`` or ``apache``; None: what CUOFENG_DEMO_BROKER says, else embedded. A configured broker goes
    before. Raises InputError for another name, InfrastructureError when a server does not start.
    """
    wanted = broker or os.environ.get(BROKER_VARIABLE) or "embedded"
    if wanted not in ("embedded", "apache"):
        raise InputError(f"no broker {wanted}: embedded or apache")
    with ExitStack() as stack:
        bootstrap, broker_name = settings.kafka_bootstrap, "configured broker"
        if bootstrap is None:
            server: ApacheKafka | EmbeddedBroker = ApacheKafka() if wanted == "apache" else EmbeddedBroker()
            stack.enter_context(server)
            bootstrap, broker_name = server.bootstrap, "Apache Kafka" if wanted == "apache" else "embedded broker"
        if settings.database_url is not None:
            database_url, database_name = settings.database_url.get_secret_value(), "configured PostgreSQL"
        else:
            database = stack.enter_context(EmbeddedPostgres(fsync=False))
            database_url, database_name = database.url, "embedded PostgreSQL"
        yield Servers(database_url, bootstrap, database_name, broker_name)


@asynccontextmanager
async def fresh_stores(at: Servers, settings: Settings) -> AsyncIterator[Settings]:
    """A migrated database and two topics of this run alone; the settings that name them. Removed at the end."""
    mark = secrets.token_hex(4)
    name, topic = f"cuofeng_demo_{mark}", f"cuofeng-demo-{mark}.readings"
    topics = [topic, f"{topic}.dlq"]
    administrator = make_engine(at.database_url, name="demo-admin", pool_size=1)
    try:
        await create_database(administrator, name)
    except BaseException:
        await administrator.dispose()
        raise
    try:
        url = make_url(at.database_url).set(database=name).render_as_string(hide_password=False)
        engine = make_engine(url, name="demo-migrate", pool_size=1)
        try:
            await migrate(engine)
        finally:
            await engine.dispose()
        await create_topics(at.bootstrap, topics, PARTITIONS)
        try:
            yield settings.model_copy(
                update={
                    "database_url": SecretStr(url),
                    "kafka_bootstrap": at.bootstrap,
                    "kafka_topic": topic,
                    "kafka_dlq_topic": topics[1],
                    "kafka_group": f"cuofeng-demo-{mark}",
                    "demo": True,
                }
            )
        finally:
            await delete_topics(at.bootstrap, topics)
    finally:
        await drop_database(administrator, name)
        await administrator.dispose()
