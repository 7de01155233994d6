"""Workflows that call activities, and wait."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    import activities

LONG = timedelta(seconds=30)
SHORT = timedelta(milliseconds=200)
AGAIN = RetryPolicy(initial_interval=timedelta(milliseconds=20), backoff_coefficient=1)
ONCE = RetryPolicy(maximum_attempts=1)


@workflow.defn
class Greets:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(
            activities.greet, name, start_to_close_timeout=LONG
        )


@workflow.defn
class Retries:
    @workflow.run
    async def run(self, failures: int, maximum_attempts: int) -> int:
        return await workflow.execute_activity(
            activities.flaky,
            failures,
            start_to_close_timeout=LONG,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=20), maximum_attempts=maximum_attempts
            ),
        )


@workflow.defn
class IsRefused:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(activities.refuse, start_to_close_timeout=LONG)


@workflow.defn
class IsRefusedByPolicy:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            activities.flaky,
            5,
            start_to_close_timeout=LONG,
            retry_policy=RetryPolicy(non_retryable_error_types=["Flaky"]),
        )


@workflow.defn
class IsAskedToRetrySoon:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            activities.soon_again,
            start_to_close_timeout=LONG,
            retry_policy=RetryPolicy(initial_interval=timedelta(hours=1)),
        )


@workflow.defn
class StartToClose:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            activities.hang, start_to_close_timeout=SHORT, retry_policy=ONCE
        )


@workflow.defn
class ScheduleToStart:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            activities.hang,
            task_queue="nobody-polls-this",
            start_to_close_timeout=LONG,
            schedule_to_start_timeout=SHORT,
        )


@workflow.defn
class ScheduleToClose:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            activities.flaky,
            1000,
            schedule_to_close_timeout=LONG,
            retry_policy=RetryPolicy(initial_interval=timedelta(hours=1)),
        )


@workflow.defn
class HeartbeatMissed:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            activities.hang,
            start_to_close_timeout=LONG,
            heartbeat_timeout=timedelta(milliseconds=300),
            retry_policy=ONCE,
        )


@workflow.defn
class Resumes:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            activities.resume,
            start_to_close_timeout=LONG,
            heartbeat_timeout=timedelta(seconds=2),
            retry_policy=AGAIN,
        )


@workflow.defn
class CancelsActivity:
    """Cancels its activity once it runs, which a signal tells."""

    def __init__(self) -> None:
        self.is_started = False

    @workflow.signal
    def started(self) -> None:
        self.is_started = True

    @workflow.run
    async def run(self, how: str, ignore: bool) -> str:
        running = workflow.start_activity(
            activities.until_cancelled,
            ignore,
            start_to_close_timeout=LONG,
            heartbeat_timeout=timedelta(seconds=20),
            cancellation_type={
                "wait": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                "try": workflow.ActivityCancellationType.TRY_CANCEL,
                "abandon": workflow.ActivityCancellationType.ABANDON,
            }[how],
        )
        await workflow.wait_condition(lambda: self.is_started)
        running.cancel()
        return await unless_cancelled(running)


async def unless_cancelled(running) -> str:
    try:
        return await running
    except BaseException as error:
        if is_cancelled_exception(error):
            return "canceled"
        raise


@workflow.defn
class WaitsForOutside:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(
            activities.completed_outside,
            activity_id="1",
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=ONCE,
        )


@workflow.defn
class DoesMuchAtOnce:
    @workflow.run
    async def run(self, count: int) -> int:
        parts = [
            workflow.execute_activity(activities.double, value, start_to_close_timeout=LONG)
            for value in range(count)
        ]
        return sum(await asyncio.gather(*parts))


@workflow.defn
class UsesOtherQueue:
    @workflow.run
    async def run(self, task_queue: str) -> str:
        return await workflow.execute_activity(
            activities.queue_name, task_queue=task_queue, start_to_close_timeout=LONG
        )


@workflow.defn
class UsesLocal:
    @workflow.run
    async def run(self) -> int:
        both = [
            await workflow.execute_local_activity(
                activities.double, value, start_to_close_timeout=LONG
            )
            for value in (20, 1)
        ]
        return sum(both)


@workflow.defn
class RetriesLocal:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_local_activity(
            activities.flaky, 2, start_to_close_timeout=LONG, retry_policy=AGAIN
        )


@workflow.defn
class IsRefusedLocally:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_local_activity(activities.refuse, start_to_close_timeout=LONG)


@workflow.defn
class LocalTimesOut:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_local_activity(
            activities.hang, start_to_close_timeout=SHORT, retry_policy=ONCE
        )


# ---- timers ---------------------------------------------------------------------------------------


@workflow.defn
class Sleeps:
    @workflow.run
    async def run(self, milliseconds: int) -> bool:
        before = workflow.now()
        duration = timedelta(milliseconds=milliseconds)
        await asyncio.sleep(duration.total_seconds())
        return workflow.now() - before >= duration


@workflow.defn
class CancelsTimer:
    @workflow.run
    async def run(self) -> str:
        sleeping = asyncio.create_task(workflow.sleep(3600))
        await workflow.sleep(0.02)
        sleeping.cancel()
        return await unless_cancelled(sleeping) or "slept"


@workflow.defn
class SleepsInParallel:
    @workflow.run
    async def run(self, times: list[int]) -> list[int]:
        fired: list[int] = []

        async def sleep(milliseconds: int) -> None:
            await asyncio.sleep(milliseconds / 1000)
            fired.append(milliseconds)

        await asyncio.gather(*(sleep(milliseconds) for milliseconds in times))
        return fired


@workflow.defn
class WaitsForConditions:
    def __init__(self) -> None:
        self.told = False

    @workflow.signal
    def tell(self) -> None:
        self.told = True

    @workflow.run
    async def run(self) -> list[bool]:
        in_time = True
        try:
            await workflow.wait_condition(lambda: False, timeout=timedelta(milliseconds=50))
        except asyncio.TimeoutError:
            in_time = False
        await workflow.wait_condition(lambda: self.told, timeout=timedelta(hours=1))
        return [in_time, self.told]


ALL = [
    Greets, Retries, IsRefused, IsRefusedByPolicy, IsAskedToRetrySoon, StartToClose,
    ScheduleToStart, ScheduleToClose, HeartbeatMissed, Resumes, CancelsActivity, WaitsForOutside,
    DoesMuchAtOnce, UsesOtherQueue, UsesLocal, RetriesLocal, IsRefusedLocally, LocalTimesOut,
    Sleeps, CancelsTimer, SleepsInParallel, WaitsForConditions,
]
