"""The cross-language part: what this language offers to the others, and how it calls theirs."""

from typing import Any

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.exceptions import ApplicationError

from stage import LANGUAGE, Stage, failure
from workflows import cross as wf

# ---- what workflows of the other languages call ---------------------------------------------------


@activity.defn(name="CrossEcho")
async def echo(value: Any) -> list[Any]:
    return [value, LANGUAGE]


@activity.defn(name="CrossRefuse")
async def refuse() -> None:
    raise ApplicationError("no", type="Refused", non_retryable=True)


@activity.defn(name="CrossBytes")
async def reverse(raw: bytes) -> bytes:
    return bytes(reversed(raw))


@activity.defn(name="CrossMessage")
async def answer(message: WorkflowExecution) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=message.workflow_id, run_id=LANGUAGE)


@activity.defn(name="CrossNothing")
async def nothing(given: Any) -> None:
    if given is not None:
        raise ApplicationError("something", non_retryable=True)


ACTIVITIES = [echo, refuse, reverse, answer, nothing]


def cross_queue(peer: str) -> str:
    return f"cross-{peer}"


OWN = {"task_queue": cross_queue(LANGUAGE)}

# ---- what is tried with each of them --------------------------------------------------------------


async def call_activity(s: Stage, queue: str) -> Any:
    value = {"text": "ÄÖ \u2603", "list": [1, 2.5, None]}
    return await s.execute(wf.CrossActivity.run, queue, value, **OWN)


async def call_refusing(s: Stage, queue: str) -> Any:
    return await failure(s.execute(wf.CrossRefused.run, queue, **OWN))


async def exchange_payloads(s: Stage, queue: str) -> Any:
    return await s.execute(wf.CrossPayloads.run, queue, **OWN)


async def start_child(s: Stage, queue: str) -> Any:
    return await s.execute(wf.CrossChild.run, queue, "given", **OWN)


async def send_messages(s: Stage, queue: str) -> Any:
    handle = await s.start("CrossCollect", "client", task_queue=queue)
    raised = await handle.execute_update("raise", 40)
    rejected = await failure(handle.execute_update("raise", -1))
    await handle.signal("add", 2)
    total = await handle.query("sum")
    await handle.signal("finish")
    return [raised, rejected, total, await handle.result()]


MEETINGS = {
    "cross/activity": call_activity,
    "cross/failure": call_refusing,
    "cross/payloads": exchange_payloads,
    "cross/child": start_child,
    "cross/messages": send_messages,
}
