"""Scenarios of children, and of workflows that reach others."""

from typing import Any

from stage import Stage, eventually, failure, scenario
from workflows import relations as wf
from workflows.messages import Collects


@scenario("child/result")
async def _(s: Stage):
    return await s.execute(wf.HasChild.run)


@scenario("child/failed")
async def _(s: Stage):
    return await failure(s.execute(wf.HasFailingChild.run))


@scenario("child/canceled")
async def _(s: Stage):
    handle = await s.start(wf.CancelsChild.run)
    return [await handle.result(), await s.status(s.handle(f"{handle.id}/child"))]


@scenario("child/timed-out")
async def _(s: Stage):
    return await failure(s.execute(wf.HasSlowChild.run))


@scenario("child/terminated")
async def _(s: Stage):
    handle = await s.start(wf.HasLongChild.run)
    child = s.handle(f"{handle.id}/child")

    async def started() -> bool:
        return await s.count(handle, "CHILD_WORKFLOW_EXECUTION_STARTED") == 1

    await eventually(started)
    await child.terminate(reason="enough")
    return await failure(handle.result())


@scenario("child/id-taken")
async def _(s: Stage):
    return await s.execute(wf.StartsChildTwice.run)


async def leave_child(s: Stage, policy: str, ends: bool) -> str:
    handle = await s.start(wf.LeavesChild.run, policy)
    await handle.result()
    left = s.handle(f"{handle.id}/child")
    if ends:
        await failure(left.result())
    status = await s.status(left)
    if not ends:
        await left.terminate()
    return status


@scenario("child/parent-closes-terminate")
async def _(s: Stage):
    return await leave_child(s, "TERMINATE", True)


@scenario("child/parent-closes-abandon")
async def _(s: Stage):
    return await leave_child(s, "ABANDON", False)


@scenario("child/parent-closes-cancel")
async def _(s: Stage):
    return await leave_child(s, "REQUEST_CANCEL", True)


@scenario("child/signaled")
async def _(s: Stage):
    return await s.execute(wf.SignalsChild.run)


@scenario("child/retried")
async def _(s: Stage):
    return await s.execute(wf.RetriesChild.run)


@scenario("child/many")
async def _(s: Stage):
    return await s.execute(wf.HasManyChildren.run, 20)


@scenario("child/continued")
async def _(s: Stage):
    return await s.execute(wf.HasContinuedChild.run)


@scenario("child/knows-its-parent")
async def _(s: Stage):
    return await s.execute(wf.AsksChildForRelations.run)


@scenario("external/signal")
async def _(s: Stage):
    other = await s.start(Collects.run)
    return [await s.execute(wf.SignalsExternal.run, other.id), await other.result()]


@scenario("external/cancel")
async def _(s: Stage):
    other = await s.start(wf.SleepsForHours.run)
    return [await s.execute(wf.CancelsExternal.run, other.id), await failure(other.result())]


async def reach_nobody(s: Stage, run: Any, event: str) -> list[Any]:
    handle = await s.start(run, "is not there")
    told = await failure(handle.result())
    return [len(told) > 0, await s.count(handle, event)]


@scenario("external/signal-unknown")
async def _(s: Stage):
    event = "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"
    return await reach_nobody(s, wf.SignalsExternal.run, event)


@scenario("external/cancel-unknown")
async def _(s: Stage):
    event = "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"
    return await reach_nobody(s, wf.CancelsExternal.run, event)
