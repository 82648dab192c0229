"""What Prometheus gets. FastStream's own labels would name every aggregate, so messages are counted by stream."""

from typing import Any

from faststream.message import StreamMessage
from faststream.nats.prometheus import NatsPrometheusMiddleware
from faststream.nats.prometheus.provider import NatsMetricsSettingsProvider
from faststream.prometheus import ConsumeAttrs
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry

REGISTRY = CollectorRegistry()


class _ByCategory(NatsMetricsSettingsProvider):
    def get_consume_attrs_from_message(self, msg: StreamMessage[Msg]) -> ConsumeAttrs:
        kept = msg.raw_message.subject.split(".")[:3]
        return {**super().get_consume_attrs_from_message(msg), "destination_name": ".".join(kept)}


def _settings(_: Any) -> Any:
    """Untyped, as the middleware's own type covers batches of messages too; here are none."""
    return _ByCategory()


def middleware() -> NatsPrometheusMiddleware:
    counting = NatsPrometheusMiddleware(registry=REGISTRY, app_name="provisioner", metrics_prefix="proximity")
    counting._settings_provider_factory = _settings
    return counting
