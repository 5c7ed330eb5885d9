"""An ingest process of its own for tests that kill it: ``python -m tests.integration.ingest_process``.

Its settings come from the environment as for ``cuofeng consume``. With STEP and COUNT it kills itself with SIGKILL when
it reaches that step of a batch for the COUNT-th time.
"""

import asyncio
import os
import signal
import sys

from consumers.process import run
from consumers.transaction import OnStep
from service.clock import VirtualClock
from service.db.engine import make_engine
from service.settings import Settings
from tests.integration.ingest_world import NOW


def killer(step: str, count: int) -> OnStep:
    """A hook that ends the process at the count-th time of a step."""
    left = count

    async def on_step(at: str) -> None:
        nonlocal left
        if at == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return on_step


async def main() -> None:
    """Ingest until SIGTERM, or until the step comes."""
    settings = Settings()
    if settings.database_url is None or settings.kafka_bootstrap is None:
        sys.exit(2)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = make_engine(settings.database_url.get_secret_value(), name="victim")
    on_step = killer(os.environ.get("STEP", ""), int(os.environ.get("COUNT", "0")))
    await run(engine, settings, VirtualClock(NOW), stop, bootstrap=settings.kafka_bootstrap, on_step=on_step)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
