"""The lines of the stream: each wire form drained, committed, and committed and judged, on either broker."""

import argparse
import asyncio
from collections.abc import Iterator, Mapping

from service.clock import SystemClock
from service.embedded import ApacheKafka, EmbeddedBroker
from tests.bench.kafka_streams_job import stream_job
from tests.bench.messages import Form, count, fill
from tests.bench.report import Result
from tests.bench.stream import Caught, catch_up, drain_rate
from tests.bench.world import DAY_SLOTS, World

TOPIC = "bench"
#: The last slot of a backlog is over for so long: its source's delay is over too.
REST_S = 600
#: Line: its wire form, and whether it is judged too.
STREAMS: Mapping[str, tuple[Form, bool]] = {
    "ingest": (Form.SHORT, False),
    "ingest_judge": (Form.SHORT, True),
    "ingest_full": (Form.FULL, False),
    "frames_ingest": (Form.FRAME, False),
    "frames": (Form.FRAME, True),
}

#: The reference, on Apache Kafka only.
JOB = "kafka_streams"


def broker_of(options: argparse.Namespace) -> EmbeddedBroker | ApacheKafka:
    """A broker that is not started yet."""
    return ApacheKafka() if options.broker == "apache" else EmbeddedBroker()


def backlog(options: argparse.Namespace, form: Form) -> World:
    """What is judged ends now: a process that runs on the machine's clock goes on to judge up to there."""
    slots = options.readings // options.meters
    if form is Form.FRAME:
        slots = max(1, slots // DAY_SLOTS) * DAY_SLOTS
    return World.ending_at(SystemClock().now() - REST_S, options.meters, slots)


def lines(options: argparse.Namespace) -> Iterator[Result]:
    """``drain`` goes with the short form; the other lines are those asked for."""
    for form in Form:
        names = [name for name in STREAMS if name in options.only and STREAMS[name][0] is form]
        has_job = form is Form.SHORT and options.broker == "apache" and JOB in options.only
        if not names and not has_job:
            continue
        world = backlog(options, form)
        frames = f"{count(world, form)} frames, " if form is Form.FRAME else ""
        size = f"{world.readings} readings, {frames}{world.meters} meters"
        beside: dict[str, float] = {}
        with broker_of(options) as broker:
            asyncio.run(fill(broker.bootstrap, TOPIC, world, form))
            if form is Form.SHORT:
                beside["drain"] = asyncio.run(drain_rate(broker.bootstrap, TOPIC, world.readings))
                yield Result("drain", beside["drain"], "readings/s", size)
            for changelog in (True, False) if has_job else ():
                done = asyncio.run(stream_job(broker.bootstrap, TOPIC, world, changelog=changelog))
                spent = f"{size}; CPU us a reading: {done.cpu_s / world.readings * 1e6:.1f}"
                yield Result(
                    JOB if changelog else f"{JOB}_unlogged",
                    done.rate,
                    "readings/s",
                    f"{spent}; {'' if changelog else 'no '}changelog",
                    {"drain": done.rate / beside["drain"]},
                )
                beside[JOB] = max(done.rate, beside.get(JOB, 0.0))
            for name in names:
                caught = asyncio.run(catch_up(broker.bootstrap, TOPIC, world, judge=STREAMS[name][1], form=form))
                ratios = {other: caught.rate / rate for other, rate in beside.items()}
                yield Result(name, caught.rate, "readings/s", f"{size}; {_spent(caught)}", ratios)


def _spent(caught: Caught) -> str:
    each = ", ".join(f"{role} {us:.1f}" for role, us in caught.spent_us.items())
    return f"CPU us a reading: {each}"
