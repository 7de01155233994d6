"""Runs the scenarios against a server, and prints a line of JSON for each.

python3 main.py scenarios ADDRESS [NAME]    every scenario whose name has NAME in it, then the replays
python3 main.py cross ADDRESS PEER...       offers a worker until standard input ends; meets the
                                            peers when a line comes in
"""

import asyncio
import functools
import importlib.metadata
import json
import logging
import os
import sys
import traceback
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import Replayer

import cases  # noqa: F401
import workflows
from cross import ACTIVITIES, MEETINGS, cross_queue
from stage import LANGUAGE, SCENARIOS, Stage, create_worker

AT_ONCE = 10
LIMIT_SECONDS = 60


# The SDK's core writes its log to standard output, where it would fall into the lines of results.
RESULTS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def show(line: dict[str, Any]) -> None:
    print(json.dumps(line), file=RESULTS, flush=True)


async def histories_of(stage: Stage) -> str:
    """What happened to the workflows of a scenario that failed."""
    lines = []
    query = f"WorkflowId STARTS_WITH '{LANGUAGE}/{stage.name}/'"
    async for row in stage.client.list_workflows(query):
        lines.append(f"{row.id} {row.run_id}")
        for event in await stage.events(stage.handle(row.id, row.run_id)):
            kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
            lines.append(f"  {event.event_id} {event.event_time.ToJsonString()} {kind}")
    return "\n".join(lines)


async def run_one(client: Client, name: str, run: Any, **more: Any) -> None:
    stage = Stage(client, name)
    try:
        result = await asyncio.wait_for(run(stage), LIMIT_SECONDS)
        show({"scenario": name, **more, "result": result})
    except Exception:
        told = await asyncio.wait_for(histories_of(stage), LIMIT_SECONDS)
        show({"scenario": name, **more, "error": f"{traceback.format_exc()}{told}"})
    finally:
        await stage.close()


async def run_all(client: Client, only: str) -> None:
    waiting = [(name, run) for name, run in SCENARIOS.items() if only in name]

    async def lane() -> None:
        while waiting:
            await run_one(client, *waiting.pop(0))

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


async def replay(client: Client) -> None:
    """Replays every history that the scenarios left, and tells how many each of them had."""
    counts: dict[str, dict[str, Any]] = {}
    replayer = Replayer(workflows=workflows.ALL)
    query = f"WorkflowId STARTS_WITH '{LANGUAGE}/'"
    histories = client.list_workflows(query).map_histories()
    async with replayer.workflow_replay_iterator(histories) as results:
        async for result in results:
            workflow_id = result.history.workflow_id
            name = "/".join(workflow_id.split("/")[1:3])
            count = counts.setdefault(name, {"histories": 0, "failures": []})
            count["histories"] += 1
            if result.replay_failure:
                count["failures"].append(f"{workflow_id}: {result.replay_failure}")
    for name, count in counts.items():
        show({"replay": name, **count})


async def run_scenarios(client: Client, only: str) -> None:
    show({"sdk": importlib.metadata.version("temporalio")})
    async with create_worker(client, LANGUAGE):
        await run_all(client, only)
        await replay(client)


async def run_cross(client: Client, peers: list[str]) -> None:
    lines = asyncio.get_running_loop()
    own = {"workflows": workflows.cross.ALL, "activities": ACTIVITIES}
    async with create_worker(client, cross_queue(LANGUAGE), **own):
        show({"ready": LANGUAGE})
        while await lines.run_in_executor(None, sys.stdin.readline):
            for peer in peers:
                for name, meet in MEETINGS.items():
                    run = functools.partial(meet, queue=cross_queue(peer))
                    await run_one(client, name, run, peer=peer)
            show({"done": LANGUAGE})


async def main() -> None:
    what, address, *rest = sys.argv[1:]
    logging.basicConfig(level=logging.CRITICAL)
    logs = LoggingConfig(TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    runtime = Runtime(telemetry=TelemetryConfig(logging=logs))
    client = await Client.connect(address, runtime=runtime)
    if what == "cross":
        await run_cross(client, rest)
    else:
        await run_scenarios(client, rest[0] if rest else "")


if __name__ == "__main__":
    asyncio.run(main())
    # Not by returning: threads of the SDK's core that outlive the interpreter may abort it.
    os._exit(0)
