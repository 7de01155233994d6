"""Workflows about the life of a workflow, its payloads and its code."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import activities

KEYWORD = SearchAttributeKey.for_keyword("InteropKeyword")


@workflow.defn
class ContinuesWithAttributes:
    @workflow.run
    async def run(self, first: bool) -> dict[str, Any]:
        if first:
            workflow.continue_as_new(False)
        return {
            "memo": workflow.memo_value("note"),
            "keyword": workflow.info().typed_search_attributes.get(KEYWORD),
        }


@workflow.defn
class CountsRuns:
    """A run of a cron: one more than the run before."""

    def __init__(self) -> None:
        self.count = 0

    @workflow.run
    async def run(self) -> int:
        last = 0
        if workflow.has_last_completion_result():
            last = workflow.get_last_completion_result(int) or 0
        self.count = last + 1
        return self.count

    @workflow.query
    def values(self) -> list[int]:
        return [self.count]


@workflow.defn
class FailsItsTask:
    @workflow.run
    async def run(self) -> None:
        raise TypeError("not a failure of the workflow")


@workflow.defn
class CleansUp:
    @workflow.run
    async def run(self) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await workflow.execute_activity(
                activities.double, 1, start_to_close_timeout=timedelta(seconds=30)
            )
            raise


@workflow.defn
class IgnoresCancellation:
    @workflow.run
    async def run(self) -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
        return "finished anyway"


@workflow.defn
class FailsWithCauses:
    @workflow.run
    async def run(self) -> None:
        inner = ApplicationError("inner", type="Inner")
        raise ApplicationError(
            "outer", 1, {"two": [3]}, type="Outer", non_retryable=True
        ) from inner


@workflow.defn
class Echoes:
    @workflow.run
    async def run(self, value: Any) -> Any:
        return value


@workflow.defn
class Measures:
    @workflow.run
    async def run(self, text: str) -> list[Any]:
        return [len(text), text]


@workflow.defn
class Annotates:
    @workflow.run
    async def run(self, keyword: str) -> None:
        workflow.upsert_search_attributes([KEYWORD.value_set(keyword)])
        workflow.upsert_memo({"note": keyword})
        await asyncio.sleep(0.001)


@workflow.defn
class SleepsOnce:
    @workflow.run
    async def run(self) -> str:
        await asyncio.sleep(0.001)
        return "slept"


@workflow.defn
class GreetsSinceThePatch:
    """What SleepsOnce became: runs from before the patch still sleep."""

    @workflow.run
    async def run(self) -> str:
        if workflow.patched("greets"):
            return await workflow.execute_activity(
                activities.greet, "patched", start_to_close_timeout=timedelta(seconds=30)
            )
        await asyncio.sleep(0.001)
        return "slept"


ALL = [
    ContinuesWithAttributes, CountsRuns, FailsItsTask, CleansUp, IgnoresCancellation,
    FailsWithCauses, Echoes, Measures, Annotates, SleepsOnce, GreetsSinceThePatch,
]
