"""Scenarios of signals, queries and updates."""

from typing import Any

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateStage,
)
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy

from stage import Stage, caught, eventually, failure, refusal, scenario
from workflows.acting import Greets
from workflows.messages import Account, Collects


async def finished(handle: WorkflowHandle) -> Any:
    await handle.signal("finish")
    return await handle.result()


@scenario("signal/order")
async def _(s: Stage):
    handle = await s.start(Collects.run)
    for value in range(1, 21):
        await handle.signal(Collects.add, value)
    return await finished(handle)


@scenario("signal/before-worker")
async def _(s: Stage):
    task_queue = f"{s.queue}-late"
    handle = await s.start(Collects.run, task_queue=task_queue)
    for value in (1, 2, 3):
        await handle.signal(Collects.add, value)
    await handle.signal(Collects.finish)
    await s.worker(task_queue, Collects)
    return await handle.result()


@scenario("signal/with-start")
async def _(s: Stage):
    options = s.options(start_signal="add")
    first = await s.client.start_workflow(Collects.run, start_signal_args=[1], **options)
    second = await s.client.start_workflow(Collects.run, start_signal_args=[2], **options)
    return [first.result_run_id == second.result_run_id, await finished(first)]


@scenario("signal/unknown-workflow")
async def _(s: Stage):
    return await refusal(s.handle("is not there").signal(Collects.add, 1))


@scenario("signal/closed-workflow")
async def _(s: Stage):
    handle = await s.start(Greets.run, "World")
    await handle.result()
    return await refusal(handle.signal(Collects.add, 1))


@scenario("query/state")
async def _(s: Stage):
    handle = await s.start(Collects.run)
    before = await handle.query(Collects.values)
    await handle.signal(Collects.add, 1)
    await handle.signal(Collects.add, 2)
    after = await handle.query(Collects.values)
    await finished(handle)
    return [before, after]


@scenario("query/fails")
async def _(s: Stage):
    handle = await s.start(Collects.run)
    told = await refusal(handle.query(Collects.broken))
    await finished(handle)
    return "cannot say" in told


@scenario("query/unknown")
async def _(s: Stage):
    handle = await s.start(Collects.run)
    told = await refusal(handle.query("unheard"))
    await finished(handle)
    return "unheard" in told


@scenario("query/closed-workflow")
async def _(s: Stage):
    handle = await s.start(Collects.run)
    await handle.signal(Collects.add, 5)
    await finished(handle)
    return await handle.query(Collects.values)


@scenario("query/rejected-when-closed")
async def _(s: Stage):
    handle = await s.start(Collects.run)
    await finished(handle)
    error = await caught(
        handle.query(Collects.values, reject_condition=QueryRejectCondition.NOT_OPEN)
    )
    return error.status.name


@scenario("update/result")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    sums = [await handle.execute_update(Account.increase, amount) for amount in (40, 2)]
    return [sums, await finished(handle)]


@scenario("update/rejected")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    await handle.execute_update(Account.increase, 1)
    before = len(await s.events(handle))
    told = await failure(handle.execute_update(Account.increase, -1))
    added = len(await s.events(handle)) - before
    return [told, added, await finished(handle)]


@scenario("update/failed")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    told = await failure(handle.execute_update(Account.increase, 13))
    result = await finished(handle)
    return [told, result, await s.count(handle, "WORKFLOW_EXECUTION_UPDATE_COMPLETED")]


@scenario("update/accepted-first")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    update = await handle.start_update(
        Account.raise_later, 42, id="later", wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    between = await handle.query(Account.balance)
    await handle.signal(Account.proceed)
    again = handle.get_update_handle("later", result_type=int)
    results = [await update.result(), await again.result()]
    await finished(handle)
    after = handle.get_update_handle("later", result_type=int)
    return [between, results, await after.result()]


@scenario("update/same-id")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    sums = [await handle.execute_update(Account.increase, 40, id="once") for _ in range(2)]
    return [sums, await finished(handle)]


@scenario("update/with-activity")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    sum = await handle.execute_update(Account.raise_doubled, 21)
    await finished(handle)
    return sum


@scenario("update/unknown")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    told = await failure(handle.execute_update("unheard"))
    await finished(handle)
    return [len(told), "unheard" in told[0]]


@scenario("update/closed-workflow")
async def _(s: Stage):
    handle = await s.start(Greets.run, "World")
    await handle.result()
    return await refusal(handle.execute_update(Account.increase, 1))


@scenario("update/left-unfinished")
async def _(s: Stage):
    handle = await s.start(Account.run, False)
    update = await handle.start_update(
        Account.raise_later, 1, wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    result = await finished(handle)
    told = await failure(update.result())
    return [result, [text.split(":")[0] for text in told]]


def operation(s: Stage, workflow_id: str, policy: WorkflowIDConflictPolicy):
    return WithStartWorkflowOperation(
        Account.run, True, id=workflow_id, task_queue=s.queue, id_conflict_policy=policy
    )


@scenario("update/with-start")
async def _(s: Stage):
    workflow_id = s.next_id()
    sums = [
        await s.client.execute_update_with_start_workflow(
            Account.increase,
            amount,
            start_workflow_operation=operation(
                s, workflow_id, WorkflowIDConflictPolicy.USE_EXISTING
            ),
        )
        for amount in (1, 2)
    ]
    return [sums, await finished(s.handle(workflow_id))]


@scenario("update/with-start-refused")
async def _(s: Stage):
    handle = await s.start(Account.run, True)
    told = await refusal(
        s.client.execute_update_with_start_workflow(
            Account.increase,
            1,
            start_workflow_operation=operation(s, handle.id, WorkflowIDConflictPolicy.FAIL),
        )
    )
    return [told, await finished(handle)]


@scenario("update/with-start-rejected")
async def _(s: Stage):
    started = operation(s, s.next_id(), WorkflowIDConflictPolicy.FAIL)
    told = await failure(
        s.client.execute_update_with_start_workflow(
            Account.increase, -1, start_workflow_operation=started
        )
    )
    handle = await started.workflow_handle()

    async def running() -> bool:
        return await s.status(handle) == "RUNNING"

    await eventually(running)
    return [told, await finished(handle)]
