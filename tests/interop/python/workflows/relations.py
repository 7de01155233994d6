"""Workflows that start others, or reach them."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ApplicationError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from .messages import Collects


def child_id() -> str:
    return f"{workflow.info().workflow_id}/child"


@workflow.defn
class AddsOne:
    @workflow.run
    async def run(self, value: int) -> int:
        return value + 1


@workflow.defn
class FailsAsChild:
    @workflow.run
    async def run(self) -> None:
        raise ApplicationError("no", type="Refused", non_retryable=True)


@workflow.defn
class SleepsForHours:
    @workflow.run
    async def run(self) -> None:
        await asyncio.sleep(8 * 3600)


@workflow.defn
class SucceedsAt:
    @workflow.run
    async def run(self, attempt: int) -> int:
        now = workflow.info().attempt
        if now < attempt:
            raise ApplicationError(f"attempt {now}", type="Flaky")
        return now


@workflow.defn
class CountsToZero:
    @workflow.run
    async def run(self, left: int, runs: int) -> int:
        if left > 0:
            workflow.continue_as_new(args=[left - 1, runs + 1])
        return runs


@workflow.defn
class TellsRelations:
    @workflow.run
    async def run(self) -> list[str | None]:
        info = workflow.info()
        return [
            info.parent.workflow_id if info.parent else None,
            info.root.workflow_id if info.root else None,
        ]


@workflow.defn
class HasChild:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_child_workflow(AddsOne.run, 41, id=child_id())


@workflow.defn
class HasFailingChild:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_child_workflow(FailsAsChild.run, id=child_id())


@workflow.defn
class CancelsChild:
    @workflow.run
    async def run(self) -> str:
        child = await workflow.start_child_workflow(SleepsForHours.run, id=child_id())
        child.cancel()
        try:
            await child
            return "slept"
        except BaseException as error:
            if is_cancelled_exception(error):
                return "canceled"
            raise


@workflow.defn
class HasSlowChild:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_child_workflow(
            SleepsForHours.run, id=child_id(), run_timeout=timedelta(seconds=1)
        )


@workflow.defn
class HasLongChild:
    """Waits for a child that somebody else ends."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_child_workflow(SleepsForHours.run, id=child_id())


@workflow.defn
class StartsChildTwice:
    @workflow.run
    async def run(self) -> str:
        await workflow.start_child_workflow(SleepsForHours.run, id=child_id())
        try:
            await workflow.start_child_workflow(SleepsForHours.run, id=child_id())
            return "started"
        except WorkflowAlreadyStartedError:
            return "already started"


@workflow.defn
class LeavesChild:
    @workflow.run
    async def run(self, policy: str) -> None:
        await workflow.start_child_workflow(
            SleepsForHours.run,
            id=child_id(),
            parent_close_policy=workflow.ParentClosePolicy[policy],
        )


@workflow.defn
class SignalsChild:
    @workflow.run
    async def run(self) -> list[int]:
        child = await workflow.start_child_workflow(Collects.run, id=child_id())
        await child.signal(Collects.add, 1)
        await child.signal(Collects.add, 2)
        await child.signal(Collects.finish)
        return await child


@workflow.defn
class RetriesChild:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_child_workflow(
            SucceedsAt.run,
            2,
            id=child_id(),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=20), maximum_attempts=3
            ),
        )


@workflow.defn
class HasManyChildren:
    @workflow.run
    async def run(self, count: int) -> int:
        children = [
            workflow.execute_child_workflow(AddsOne.run, value, id=f"{child_id()}-{value}")
            for value in range(count)
        ]
        return sum(await asyncio.gather(*children))


@workflow.defn
class HasContinuedChild:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_child_workflow(
            CountsToZero.run, args=[2, 1], id=child_id()
        )


@workflow.defn
class AsksChildForRelations:
    @workflow.run
    async def run(self) -> list[bool]:
        told = await workflow.execute_child_workflow(TellsRelations.run, id=child_id())
        return [relative == workflow.info().workflow_id for relative in told]


@workflow.defn
class TellsPriority:
    @workflow.run
    async def run(self) -> int | None:
        return workflow.info().priority.priority_key


@workflow.defn
class AsksChildForPriority:
    @workflow.run
    async def run(self) -> list[int | None]:
        told = await workflow.execute_child_workflow(TellsPriority.run, id=child_id())
        return [workflow.info().priority.priority_key, told]


@workflow.defn
class SignalsExternal:
    @workflow.run
    async def run(self, workflow_id: str) -> str:
        other = workflow.get_external_workflow_handle_for(Collects.run, workflow_id)
        await other.signal(Collects.add, 7)
        await other.signal(Collects.finish)
        return "sent"


@workflow.defn
class CancelsExternal:
    @workflow.run
    async def run(self, workflow_id: str) -> str:
        await workflow.get_external_workflow_handle(workflow_id).cancel()
        return "sent"


ALL = [
    AddsOne, FailsAsChild, SleepsForHours, SucceedsAt, CountsToZero, TellsRelations, HasChild,
    HasFailingChild, CancelsChild, HasSlowChild, HasLongChild, StartsChildTwice, LeavesChild,
    SignalsChild, RetriesChild, HasManyChildren, HasContinuedChild, AsksChildForRelations,
    TellsPriority, AsksChildForPriority, SignalsExternal, CancelsExternal,
]
