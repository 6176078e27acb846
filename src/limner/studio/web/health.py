"""Whether the studio lives, is ready, and how it does: for whoever looks after it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi import Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from limner.errors import LimnerError
from limner.studio.schema import State
from limner.studio.web.front import Front, Json

SLOW = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)  # seconds


@dataclass(frozen=True, slots=True, eq=False)
class Queue(Collector):
    """The store's own figures, counted when somebody asks."""

    front: Front

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("limner_jobs", "Pictures that were asked for, by state", labels=["state"])
        counts = self.front.store.counts()
        for state in State:
            jobs.add_metric([state.value], counts.get(state, 0))
        yield jobs
        workers = GaugeMetricFamily("limner_workers", "Workers that were heard of of late, by model", labels=["model"])
        present = self.front.staff.present()
        for card in self.front.staff.cards():
            workers.add_metric([card.name], present.get(card.identity, 0))
        yield workers


@dataclass(frozen=True, slots=True)
class Meter:
    """Requests by route and status, how long they took, and who had to wait; streams are counted when they end."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    refused: Counter = field(init=False)

    def __post_init__(self) -> None:
        requests = Counter("limner_requests", "Requests", ["method", "route", "status"], registry=self.registry)
        seconds = Histogram("limner_request_seconds", "Of requests", ["route"], buckets=SLOW, registry=self.registry)
        refused = Counter("limner_refused", "Requests of who asks too often", ["kind"], registry=self.registry)
        object.__setattr__(self, "refused", refused)
        object.__setattr__(self, "requests", requests)
        object.__setattr__(self, "seconds", seconds)


@dataclass(frozen=True, slots=True)
class Health:
    front: Front
    meter: Meter

    def alive(self) -> dict[str, Json]:
        """This process answers."""
        return {"status": "alive"}

    def ready(self) -> JSONResponse:
        """The database answers, and there is a worker; 503 says what is missing."""
        try:
            workers, closed = self.front.staff.present(), self.front.store.closed()
        except LimnerError as fault:
            return JSONResponse({"status": "not ready", "why": fault.what}, 503)
        if closed:
            return JSONResponse({"status": "not ready", "why": f"maintenance: {closed}"}, 503)
        if not workers:
            return JSONResponse({"status": "not ready", "why": "no worker is here yet"}, 503)
        return JSONResponse({"status": "ready", "workers": sum(workers.values())})

    def metrics(self) -> Response:
        """Figures for Prometheus."""
        return Response(generate_latest(self.meter.registry), media_type=CONTENT_TYPE_LATEST)
