"""Scenarios of the life of a workflow: how it ends, starts again, and whose id it has."""

from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.common import (
    Priority,
    RetryPolicy,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from stage import Stage, caught, chain, eventually, failure, refusal, scenario
from workflows import life as wf
from workflows.acting import Greets
from workflows.messages import Collects
from workflows.relations import AsksChildForPriority, CountsToZero, SleepsForHours, SucceedsAt


@scenario("workflow/continued")
async def _(s: Stage):
    handle = await s.start(CountsToZero.run, 3, 1)
    runs = await handle.result()
    first = s.handle(handle.id, handle.first_execution_run_id)
    last = await s.handle(handle.id).describe()
    return [runs, await s.status(first), last.run_id != handle.first_execution_run_id]


@scenario("workflow/continued-carries")
async def _(s: Stage):
    attributes = TypedSearchAttributes([SearchAttributePair(wf.KEYWORD, "kept")])
    return await s.execute(
        wf.ContinuesWithAttributes.run, True, memo={"note": "kept"}, search_attributes=attributes
    )


@scenario("workflow/cron")
async def _(s: Stage):
    handle = await s.start(wf.CountsRuns.run, cron_schedule="@every 1s")
    latest = s.handle(handle.id)

    async def second() -> bool:
        return (await latest.query(wf.CountsRuns.values))[0] >= 2

    await eventually(second)
    await latest.terminate()
    return await s.status(s.handle(handle.id, handle.first_execution_run_id))


def retry(maximum_attempts: int) -> RetryPolicy:
    interval = timedelta(milliseconds=20)
    return RetryPolicy(initial_interval=interval, maximum_attempts=maximum_attempts)


@scenario("workflow/retried")
async def _(s: Stage):
    handle = await s.start(SucceedsAt.run, 2, retry_policy=retry(3))
    first = s.handle(handle.id, handle.first_execution_run_id)
    return [await handle.result(), await s.status(first)]


@scenario("workflow/retries-exhausted")
async def _(s: Stage):
    return await failure(s.execute(SucceedsAt.run, 9, retry_policy=retry(2)))


@scenario("workflow/execution-timeout")
async def _(s: Stage):
    handle = await s.start(SleepsForHours.run, execution_timeout=timedelta(seconds=1))
    return [await failure(handle.result()), await s.status(handle)]


@scenario("workflow/run-timeout")
async def _(s: Stage):
    handle = await s.start(SleepsForHours.run, run_timeout=timedelta(seconds=1))
    return [await failure(handle.result()), await s.status(handle)]


@scenario("workflow/task-fails")
async def _(s: Stage):
    handle = await s.start(wf.FailsItsTask.run)

    async def tried_again() -> bool:
        return (await handle.describe()).raw_description.pending_workflow_task.attempt >= 2

    await eventually(tried_again)
    status = await s.status(handle)
    await handle.terminate()
    return [status, await s.count(handle, "WORKFLOW_TASK_FAILED")]


@scenario("workflow/cancel-cleans-up")
async def _(s: Stage):
    handle = await s.start(wf.CleansUp.run)

    async def sleeping() -> bool:
        return await s.count(handle, "TIMER_STARTED") == 1

    await eventually(sleeping)
    await handle.cancel()
    told = await failure(handle.result())
    return [told, await s.status(handle), await s.count(handle, "ACTIVITY_TASK_COMPLETED")]


@scenario("workflow/cancel-ignored")
async def _(s: Stage):
    handle = await s.start(wf.IgnoresCancellation.run)

    async def sleeping() -> bool:
        return await s.count(handle, "TIMER_STARTED") == 1

    await eventually(sleeping)
    await handle.cancel()
    return [await handle.result(), await s.status(handle)]


@scenario("workflow/terminated")
async def _(s: Stage):
    handle = await s.start(SleepsForHours.run)
    await handle.terminate(reason="enough")
    told = await failure(handle.result())
    event = (await s.events(handle))[-1].workflow_execution_terminated_event_attributes
    return [told, await s.status(handle), event.reason]


@scenario("workflow/terminated-twice")
async def _(s: Stage):
    handle = await s.start(SleepsForHours.run)
    await handle.terminate()
    return await refusal(handle.terminate())


@scenario("workflow/failed-with-causes")
async def _(s: Stage):
    handle = await s.start(wf.FailsWithCauses.run)
    error = await caught(handle.result())
    return [chain(error), list(error.cause.details), await s.status(handle)]


@scenario("workflow/start-delayed")
async def _(s: Stage):
    handle = await s.start(Greets.run, "World", start_delay=timedelta(seconds=1))
    told = await handle.result()
    started, scheduled, *_ = await s.events(handle)
    waited = scheduled.event_time.ToNanoseconds() - started.event_time.ToNanoseconds()
    return [told, waited >= 1_000_000_000]


@scenario("workflow/eager-start")
async def _(s: Stage):
    handle = await s.start(Greets.run, "World", request_eager_start=True)
    started = (await s.events(handle))[0].workflow_execution_started_event_attributes
    return [await handle.result(), started.eager_execution_accepted]


@scenario("workflow/priority")
async def _(s: Stage):
    return await s.execute(AsksChildForPriority.run, priority=Priority(priority_key=2))


@scenario("workflow/summary")
async def _(s: Stage):
    handle = await s.start(
        Greets.run, "World", static_summary="in short", static_details="at length"
    )
    await handle.result()
    description = await handle.describe()
    return [await description.static_summary(), await description.static_details()]


# ---- ids ------------------------------------------------------------------------------------------


async def meet(s: Stage, policy: WorkflowIDConflictPolicy) -> list[str]:
    first = await s.start(Collects.run)
    try:
        second = await s.start(Collects.run, id=first.id, id_conflict_policy=policy)
        same = second.first_execution_run_id == first.first_execution_run_id
        told = "same run" if same else "new run"
    except WorkflowAlreadyStartedError:
        told = "already started"
    status = await s.status(s.handle(first.id, first.first_execution_run_id))
    await s.handle(first.id).terminate()
    return [told, status]


@scenario("id/conflict-fail")
async def _(s: Stage):
    return await meet(s, WorkflowIDConflictPolicy.FAIL)


@scenario("id/conflict-use-existing")
async def _(s: Stage):
    return await meet(s, WorkflowIDConflictPolicy.USE_EXISTING)


@scenario("id/conflict-terminate")
async def _(s: Stage):
    return await meet(s, WorkflowIDConflictPolicy.TERMINATE_EXISTING)


async def reuse(s: Stage, fails: bool, policy: WorkflowIDReusePolicy) -> str:
    workflow_id = s.next_id()
    await refusal(s.execute(SucceedsAt.run, 9 if fails else 1, id=workflow_id))
    return await refusal(s.execute(SucceedsAt.run, 1, id=workflow_id, id_reuse_policy=policy))


@scenario("id/reuse-allowed")
async def _(s: Stage):
    return await reuse(s, False, WorkflowIDReusePolicy.ALLOW_DUPLICATE)


@scenario("id/reuse-rejected")
async def _(s: Stage):
    return await reuse(s, True, WorkflowIDReusePolicy.REJECT_DUPLICATE)


@scenario("id/reuse-after-success")
async def _(s: Stage):
    return await reuse(s, False, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)


@scenario("id/reuse-after-failure")
async def _(s: Stage):
    return await reuse(s, True, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)


# ---- reset ----------------------------------------------------------------------------------------


async def reset(s: Stage, excluded: list[Any]) -> list[Any]:
    handle = await s.start(Collects.run)

    async def waiting() -> bool:
        return await s.count(handle, "WORKFLOW_TASK_COMPLETED") == 1

    async def collected() -> bool:
        return len(await handle.query(Collects.values)) == 2

    await eventually(waiting)
    await handle.signal(Collects.add, 1)
    await handle.signal(Collects.add, 2)
    await eventually(collected)
    completed = next(
        event.event_id
        for event in await s.events(handle)
        if event.HasField("workflow_task_completed_event_attributes")
    )
    again = await s.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=s.client.namespace,
            workflow_execution=WorkflowExecution(
                workflow_id=handle.id, run_id=handle.first_execution_run_id
            ),
            workflow_task_finish_event_id=completed,
            request_id=s.next_id(),
            reason="once more",
            reset_reapply_exclude_types=excluded,
        )
    )
    other = s.handle(handle.id, again.run_id)
    await other.signal(Collects.add, 3)
    await other.signal(Collects.finish)
    past = s.handle(handle.id, handle.first_execution_run_id)
    return [await other.result(), await s.status(past)]


@scenario("reset/signals-again")
async def _(s: Stage):
    return await reset(s, [])


@scenario("reset/signals-excluded")
async def _(s: Stage):
    return await reset(s, [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL])
