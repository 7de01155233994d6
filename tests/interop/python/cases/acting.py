"""Scenarios of activities and timers."""

from typing import Any

from temporalio.exceptions import ApplicationError

from stage import Stage, caught, chain, failure, scenario
from workflows import acting as wf


async def activity_failure(call: Any) -> dict[str, Any]:
    """The chain of a failed activity, with the reason why it was not tried again."""
    error = await caught(call)
    return {"chain": chain(error), "state": error.cause.retry_state.name}


@scenario("activity/result")
async def _(s: Stage):
    return await s.execute(wf.Greets.run, "World")


@scenario("activity/retried")
async def _(s: Stage):
    handle = await s.start(wf.Retries.run, 2, 0)
    return [await handle.result(), await s.count(handle, "ACTIVITY_TASK_STARTED")]


@scenario("activity/retries-exhausted")
async def _(s: Stage):
    return await activity_failure(s.execute(wf.Retries.run, 9, 2))


@scenario("activity/non-retryable")
async def _(s: Stage):
    error = await caught(s.execute(wf.IsRefused.run))
    details = list(error.cause.cause.details)
    return {"chain": chain(error), "state": error.cause.retry_state.name, "details": details}


@scenario("activity/non-retryable-by-policy")
async def _(s: Stage):
    return await activity_failure(s.execute(wf.IsRefusedByPolicy.run))


@scenario("activity/next-retry-delay")
async def _(s: Stage):
    return await s.execute(wf.IsAskedToRetrySoon.run)


@scenario("activity/start-to-close")
async def _(s: Stage):
    return await failure(s.execute(wf.StartToClose.run))


@scenario("activity/schedule-to-start")
async def _(s: Stage):
    return await failure(s.execute(wf.ScheduleToStart.run))


@scenario("activity/schedule-to-close")
async def _(s: Stage):
    return await activity_failure(s.execute(wf.ScheduleToClose.run))


@scenario("activity/heartbeat-missed")
async def _(s: Stage):
    return await failure(s.execute(wf.HeartbeatMissed.run))


@scenario("activity/heartbeat-details")
async def _(s: Stage):
    return await s.execute(wf.Resumes.run)


async def cancel_activity(s: Stage, how: str, ignore: bool = False) -> dict[str, Any]:
    handle = await s.start(wf.CancelsActivity.run, how, ignore)
    await s.activity_started(handle)
    await handle.signal(wf.CancelsActivity.started)
    return {
        "outcome": await handle.result(),
        "requested": await s.count(handle, "ACTIVITY_TASK_CANCEL_REQUESTED"),
        "canceled": await s.count(handle, "ACTIVITY_TASK_CANCELED"),
    }


@scenario("activity/cancel-waits")
async def _(s: Stage):
    return await cancel_activity(s, "wait")


@scenario("activity/cancel-ignored")
async def _(s: Stage):
    return await cancel_activity(s, "wait", True)


@scenario("activity/cancel-tries")
async def _(s: Stage):
    return await cancel_activity(s, "try")


@scenario("activity/cancel-abandons")
async def _(s: Stage):
    return await cancel_activity(s, "abandon")


@scenario("activity/completed-outside")
async def _(s: Stage):
    handle = await s.start(wf.WaitsForOutside.run)
    await s.activity_started(handle)
    outside = s.client.get_async_activity_handle(workflow_id=handle.id, activity_id="1")
    await outside.complete("from outside")
    return await handle.result()


@scenario("activity/failed-outside")
async def _(s: Stage):
    handle = await s.start(wf.WaitsForOutside.run)
    await s.activity_started(handle)
    outside = s.client.get_async_activity_handle(workflow_id=handle.id, activity_id="1")
    await outside.fail(ApplicationError("no", type="Refused", non_retryable=True))
    return await failure(handle.result())


@scenario("activity/many")
async def _(s: Stage):
    return await s.execute(wf.DoesMuchAtOnce.run, 25)


@scenario("activity/other-queue")
async def _(s: Stage):
    await s.worker(f"{s.queue}-other")
    return await s.execute(wf.UsesOtherQueue.run, f"{s.queue}-other")


@scenario("local/result")
async def _(s: Stage):
    handle = await s.start(wf.UsesLocal.run)
    return [await handle.result(), await s.count(handle, "MARKER_RECORDED")]


@scenario("local/retried")
async def _(s: Stage):
    return await s.execute(wf.RetriesLocal.run)


@scenario("local/failed")
async def _(s: Stage):
    return (await failure(s.execute(wf.IsRefusedLocally.run)))[-1]


@scenario("local/timed-out")
async def _(s: Stage):
    return (await failure(s.execute(wf.LocalTimesOut.run)))[-1].split("(")[0]


@scenario("timer/fires")
async def _(s: Stage):
    handle = await s.start(wf.Sleeps.run, 700)
    return [
        await handle.result(),
        await s.count(handle, "TIMER_STARTED"),
        await s.count(handle, "TIMER_FIRED"),
    ]


@scenario("timer/canceled")
async def _(s: Stage):
    handle = await s.start(wf.CancelsTimer.run)
    return [await handle.result(), await s.count(handle, "TIMER_CANCELED")]


@scenario("timer/order")
async def _(s: Stage):
    return await s.execute(wf.SleepsInParallel.run, [900, 100, 500])


@scenario("timer/condition")
async def _(s: Stage):
    handle = await s.start(wf.WaitsForConditions.run)
    await handle.signal(wf.WaitsForConditions.tell)
    return await handle.result()
