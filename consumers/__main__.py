"""``python -m consumers [ingest|evaluate|all]``: the same as ``cuofeng consume``, without the command line's extras."""

import asyncio
import sys

from consumers.roles import ConsumerRole, consume
from service.clock import SystemClock
from service.observability.ingest_metrics import IngestMetrics
from service.observability.logs import configure_logs
from service.settings import Settings


def main(arguments: list[str]) -> int:
    """Run the role named by the first argument; 2 when something that it needs is not set."""
    settings = Settings()
    role = arguments[0] if arguments else ConsumerRole.ALL
    if role not in list(ConsumerRole) or settings.database_url is None or settings.kafka_bootstrap is None:
        sys.stderr.write("usage: python -m consumers [ingest|evaluate|all], with CUOFENG_DATABASE_URL and ")
        sys.stderr.write("CUOFENG_KAFKA_BOOTSTRAP set\n")
        return 2
    configure_logs()
    asyncio.run(
        consume(
            ConsumerRole(role),
            settings=settings,
            clock=SystemClock(),
            database_url=settings.database_url.get_secret_value(),
            bootstrap=settings.kafka_bootstrap,
            metrics=IngestMetrics(),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
