"""What a scenario works with: a client, workers, and the histories of what it started."""

import asyncio
from datetime import timedelta
from typing import Any, Awaitable, Callable

from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    TerminatedError,
    TimeoutError,
    WorkflowAlreadyStartedError,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

import activities
import workflows

LANGUAGE = "python"

SCENARIOS: dict[str, Callable[["Stage"], Awaitable[Any]]] = {}


def scenario(name: str):
    def register(run):
        assert name not in SCENARIOS, f"{name} is there twice"
        SCENARIOS[name] = run
        return run

    return register


async def eventually(check: Callable[[], Awaitable[Any]]) -> Any:
    """Polls until the check gives something true."""
    while True:
        value = await check()
        if value:
            return value
        await asyncio.sleep(0.03)


def chain(error: BaseException | None) -> list[str]:
    """A failure as every language tells it: one text for each error of the chain."""
    if error is None:
        return []
    if isinstance(error, (WorkflowFailureError, WorkflowUpdateFailedError)):
        return chain(error.cause)
    return [link(error), *chain(getattr(error, "cause", None))]


def link(error: BaseException) -> str:
    match error:
        case ActivityError():
            return "activity"
        case ChildWorkflowError():
            return "child"
        case ApplicationError():
            return f"application({error.type}: {error.message})"
        case TimeoutError():
            return f"timeout({error.type.name})" if error.type else "timeout"
        case CancelledError():
            return "cancelled"
        case TerminatedError():
            return "terminated"
    return plain(error)


def plain(error: BaseException) -> str:
    """An error of a call as every language tells it."""
    match error:
        case WorkflowAlreadyStartedError():
            return "already started"
        case WorkflowQueryRejectedError():
            return "query rejected"
        case RPCError() if error.status == RPCStatusCode.NOT_FOUND:
            return "not found"
    return f"{type(error).__name__}: {error}"


async def failure(call: Awaitable[Any]) -> list[str]:
    """The chain of the error that the call fails with."""
    try:
        return [f"no failure but {await call!r}"]
    except Exception as error:
        return chain(error)


async def refusal(call: Awaitable[Any]) -> str:
    """The kind of error that the call fails with."""
    try:
        await call
        return "accepted"
    except Exception as error:
        return plain(error)


async def caught(call: Awaitable[Any]) -> BaseException:
    try:
        raise AssertionError(f"no failure but {await call!r}")
    except Exception as error:
        return error


class Stage:
    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name
        self.queue = LANGUAGE
        self.counter = 0
        self.workers: list[Worker] = []

    def next_id(self) -> str:
        """An id that begins with the scenario's name."""
        self.counter += 1
        return f"{LANGUAGE}/{self.name}/{self.counter}"

    def options(self, **more: Any) -> dict[str, Any]:
        return {"id": self.next_id(), "task_queue": self.queue, **more}

    async def start(self, run: Any, *args: Any, **more: Any) -> WorkflowHandle:
        return await self.client.start_workflow(run, args=args, **self.options(**more))

    async def execute(self, run: Any, *args: Any, **more: Any) -> Any:
        return await self.client.execute_workflow(run, args=args, **self.options(**more))

    def handle(self, workflow_id: str, run_id: str | None = None) -> WorkflowHandle:
        return self.client.get_workflow_handle(workflow_id, run_id=run_id)

    async def events(self, handle: WorkflowHandle) -> list[Any]:
        return list((await handle.fetch_history()).events)

    async def count(self, handle: WorkflowHandle, kind: str) -> int:
        """How many events of a type a workflow has, for example TIMER_FIRED."""
        wanted = EventType.Value(f"EVENT_TYPE_{kind}")
        return sum(event.event_type == wanted for event in await self.events(handle))

    async def status(self, handle: WorkflowHandle) -> str:
        status = (await handle.describe()).status
        return status.name if status else "NONE"

    async def activity_started(self, handle: WorkflowHandle) -> None:
        """Waits until a workflow's activity runs."""

        async def started() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return any(activity.HasField("last_started_time") for activity in pending)

        await eventually(started)

    async def worker(self, task_queue: str, *some: type, **more: Any) -> Worker:
        """A worker of some workflows beside the one that all scenarios share; ends with the
        scenario, or before. To load a workflow into its sandbox takes a while, in which nothing
        else runs."""
        worker = create_worker(self.client, task_queue, workflows=some, **more)
        await worker.__aenter__()
        self.workers.append(worker)
        return worker

    async def stop(self, worker: Worker) -> None:
        self.workers.remove(worker)
        await worker.__aexit__(None, None, None)

    async def close(self) -> None:
        for worker in list(self.workers):
            await self.stop(worker)


def create_worker(client: Client, task_queue: str, **more: Any) -> Worker:
    options: dict[str, Any] = {
        "workflows": workflows.ALL,
        "activities": activities.ALL,
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=2),
        "max_heartbeat_throttle_interval": timedelta(milliseconds=100),
        "default_heartbeat_throttle_interval": timedelta(milliseconds=100),
        "graceful_shutdown_timeout": timedelta(seconds=1),
        **more,
    }
    return Worker(client, task_queue=task_queue, **options)
