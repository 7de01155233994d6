"""What the other languages call, under the names that all of them use."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.exceptions import ApplicationError

LONG = timedelta(seconds=30)


@workflow.defn
class CrossActivity:
    """Calls another language's activity."""

    @workflow.run
    async def run(self, queue: str, value: Any) -> Any:
        return await workflow.execute_activity(
            "CrossEcho", value, task_queue=queue, start_to_close_timeout=LONG
        )


@workflow.defn
class CrossRefused:
    """Calls an activity that refuses, in another language."""

    @workflow.run
    async def run(self, queue: str) -> None:
        await workflow.execute_activity(
            "CrossRefuse", task_queue=queue, start_to_close_timeout=LONG
        )


@workflow.defn
class CrossPayloads:
    """Bytes, a message of protobuf and nothing at all, to another language and back."""

    @workflow.run
    async def run(self, queue: str) -> dict[str, Any]:
        async def call(name: str, value: Any, result_type: type | None = None) -> Any:
            return await workflow.execute_activity(
                name,
                value,
                task_queue=queue,
                start_to_close_timeout=LONG,
                result_type=result_type,
            )

        raw = await call("CrossBytes", bytes([0, 1, 255]), bytes)
        sent = WorkflowExecution(workflow_id="w", run_id="r")
        message = await call("CrossMessage", sent, WorkflowExecution)
        nothing = await call("CrossNothing", None)
        return {
            "bytes": list(raw),
            "message": [message.workflow_id, message.run_id],
            "nothing": nothing is None,
        }


@workflow.defn
class CrossChild:
    """Starts a child in another language, signals it and waits for what it collected."""

    @workflow.run
    async def run(self, queue: str, value: Any) -> Any:
        child = await workflow.start_child_workflow(
            "CrossCollect", value, id=f"{workflow.info().workflow_id}/child", task_queue=queue
        )
        await child.signal("add", 40)
        await child.signal("add", 2)
        await child.signal("finish")
        return await child


@workflow.defn
class CrossCollect:
    """Collects, and is a child, an updated and a queried one."""

    def __init__(self) -> None:
        self.total = 0
        self.done = False

    @workflow.run
    async def run(self, value: Any) -> list[Any]:
        await workflow.wait_condition(lambda: self.done)
        return [value, self.total, "python"]

    @workflow.signal
    def add(self, more: int) -> None:
        self.total += more

    @workflow.signal
    def finish(self) -> None:
        self.done = True

    @workflow.query
    def sum(self) -> int:
        return self.total

    @workflow.update(name="raise")
    def increase(self, more: int) -> int:
        self.total += more
        return self.total

    @increase.validator
    def check(self, more: int) -> None:
        if more <= 0:
            raise ApplicationError("too little", type="Refused")


ALL = [CrossActivity, CrossRefused, CrossPayloads, CrossChild, CrossCollect]
