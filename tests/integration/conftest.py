"""Fixtures of the integration tests beside those of the whole suite."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.service_client import Service, running_service


@pytest.fixture
async def service(engine: AsyncEngine) -> AsyncIterator[Service]:
    """The app on a judged world, in process."""
    async with running_service(engine) as running:
        yield running
