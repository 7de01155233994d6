"""Activities of the scenarios; most of them misbehave in one way."""

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError


@activity.defn
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@activity.defn
async def double(value: int) -> int:
    return value * 2


@activity.defn
async def queue_name() -> str:
    return activity.info().task_queue.split("-")[-1]


@activity.defn
async def flaky(failures: int) -> int:
    """Fails the first attempts, and tells which one succeeded."""
    attempt = activity.info().attempt
    if attempt <= failures:
        raise ApplicationError(f"attempt {attempt}", type="Flaky")
    return attempt


@activity.defn
async def refuse() -> None:
    raise ApplicationError("no", 1, "two", type="Refused", non_retryable=True)


@activity.defn
async def soon_again() -> int:
    """Asks to be tried again soon, whatever the policy says."""
    attempt = activity.info().attempt
    if attempt == 1:
        soon = timedelta(milliseconds=10)
        raise ApplicationError("soon", type="Soon", next_retry_delay=soon)
    return attempt


@activity.defn
async def hang() -> None:
    """Does nothing until it is cancelled or its worker ends."""
    await asyncio.sleep(3600)


@activity.defn
async def resume() -> str:
    """The first attempt reports 7 and hangs; a later one tells what it was left."""
    info = activity.info()
    if info.attempt > 1:
        return f"from {info.heartbeat_details[0]}"
    activity.heartbeat(7)
    await asyncio.sleep(3600)
    return "the first attempt ended"


@activity.defn
async def until_cancelled(ignore: bool) -> str:
    """Reports until its heartbeat tells it to stop."""
    try:
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        if ignore:
            return "finished anyway"
        raise


@activity.defn
async def completed_outside() -> str:
    activity.raise_complete_async()


ALL = [
    greet, double, queue_name, flaky, refuse, soon_again, hang, resume, until_cancelled,
    completed_outside,
]
