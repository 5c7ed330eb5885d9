"""Real servers for the demo and the tests, one small class each: free port, own data folder, gone when we are gone."""

from service.embedded.apache import ApacheKafka
from service.embedded.broker import EmbeddedBroker
from service.embedded.postgres import EmbeddedPostgres

__all__ = ["ApacheKafka", "EmbeddedBroker", "EmbeddedPostgres"]
