"""Scenarios of what is kept with workflows: attributes, payloads, and the code that made them."""

from datetime import datetime, timezone
from typing import Any, Callable

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from stage import LANGUAGE, Stage, eventually, scenario
from workflows import life as wf
from workflows.acting import Greets, StartToClose
from workflows.messages import Collects

# ---- attributes -----------------------------------------------------------------------------------

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
PAIRS = [
    SearchAttributePair(SearchAttributeKey.for_keyword("InteropKeyword"), f"{LANGUAGE} one"),
    SearchAttributePair(SearchAttributeKey.for_text("InteropText"), "some words in a row"),
    SearchAttributePair(SearchAttributeKey.for_int("InteropInt"), 42),
    SearchAttributePair(SearchAttributeKey.for_float("InteropDouble"), 1.5),
    SearchAttributePair(SearchAttributeKey.for_bool("InteropBool"), True),
    SearchAttributePair(SearchAttributeKey.for_datetime("InteropDatetime"), MOMENT),
    SearchAttributePair(SearchAttributeKey.for_keyword_list("InteropKeywordList"), ["a", "b"]),
]
CONDITIONS = [
    f"InteropKeyword = '{LANGUAGE} one'",
    "InteropText = 'words'",
    "InteropInt > 41",
    "InteropDouble < 2",
    "InteropBool = true",
    "InteropDatetime > '2026-01-02T03:04:04Z'",
    "InteropDatetime < '2026-01-02T03:04:06Z'",
    "InteropKeywordList = 'b'",
]


async def listed(s: Stage, query: str, count: int = 1) -> list[str]:
    async def found() -> list[str]:
        ids = [row.id async for row in s.client.list_workflows(query)]
        return ids if len(ids) >= count else []

    return await eventually(found)


def keyword(value: str) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(wf.KEYWORD, value)])


@scenario("visibility/attributes")
async def _(s: Stage):
    attributes = TypedSearchAttributes(PAIRS)
    handle = await s.start(Greets.run, "World", search_attributes=attributes)
    await handle.result()
    told = (await handle.describe()).typed_search_attributes
    kept = [told.get(pair.key) for pair in PAIRS[1:]]
    shown = [
        int(value.timestamp() * 1000) if isinstance(value, datetime) else value for value in kept
    ]
    return [shown, await listed(s, " AND ".join(CONDITIONS)) == [handle.id]]


@scenario("visibility/upsert")
async def _(s: Stage):
    value = f"{s.queue} violet"
    handle = await s.start(wf.Annotates.run, value)
    await handle.result()
    found = await listed(s, f"InteropKeyword = '{value}' AND ExecutionStatus = 'Completed'")
    memo = await (await handle.describe()).memo()
    return [len(found), memo["note"] == value]


@scenario("visibility/unknown-attribute")
async def _(s: Stage):
    pair = SearchAttributePair(SearchAttributeKey.for_keyword("NobodyDefinedThis"), "x")
    try:
        await s.start(Greets.run, "World", search_attributes=TypedSearchAttributes([pair]))
        return "started"
    except RPCError as error:
        return "refused by name" if "NobodyDefinedThis" in error.message else error.message


@scenario("visibility/list-and-count")
async def _(s: Stage):
    attributes = keyword(f"{s.queue} counted")
    for _ in range(3):
        await s.execute(Greets.run, "World", search_attributes=attributes)
    still_open = await s.start(Collects.run, search_attributes=attributes)
    query = f"InteropKeyword = '{s.queue} counted'"
    found = await listed(s, query, 4)
    counted = await s.client.count_workflows(f"{query} AND ExecutionStatus = 'Running'")
    await still_open.terminate()
    return [len(found), counted.count]


@scenario("visibility/describe")
async def _(s: Stage):
    handle = await s.start(Greets.run, "World", memo={"note": ["kept", 1]})
    await handle.result()
    told = await handle.describe()
    return [
        told.id == handle.id,
        told.task_queue == s.queue,
        await told.memo(),
        told.history_length == len(await s.events(handle)),
        told.close_time is not None and told.close_time >= told.start_time,
    ]


# ---- payloads -------------------------------------------------------------------------------------


async def echo(s: Stage, value: Any, same: Callable[[Any], bool]) -> list[Any]:
    """A value's way through a workflow: what it is encoded as, there and back."""
    handle = await s.start(wf.Echoes.run, value)
    told = await handle.result()
    events = await s.events(handle)
    given = events[0].workflow_execution_started_event_attributes.input.payloads[0]
    result = events[-1].workflow_execution_completed_event_attributes.result.payloads[0]
    encodings = [payload.metadata["encoding"].decode() for payload in (given, result)]
    return [*encodings, same(told)]


@scenario("payload/json-plain")
async def _(s: Stage):
    value = {"text": 'ÄÖ \u2603 "quoted"', "list": [1, 2.5, True, None], "nested": {"empty": {}}}
    return await echo(s, value, lambda told: told == value)


@scenario("payload/json-protobuf")
async def _(s: Stage):
    value = WorkflowExecution(workflow_id="w", run_id="r")
    return await echo(s, value, lambda told: told == value)


@scenario("payload/binary-plain")
async def _(s: Stage):
    value = bytes([0, 1, 127, 128, 255])
    return await echo(s, value, lambda told: told == value)


@scenario("payload/binary-null")
async def _(s: Stage):
    return await echo(s, None, lambda told: told is None)


@scenario("payload/large")
async def _(s: Stage):
    text = "x\u2603" * 250_000
    length, told = await s.execute(wf.Measures.run, text)
    return [length, told == text]


# ---- code -----------------------------------------------------------------------------------------


async def replay_as(s: Stage, other: type) -> str:
    """Replays the history of one workflow as if another had made it."""
    handle = await s.start(wf.SleepsOnce.run)
    await handle.result()
    history = await handle.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    started.workflow_type.name = other.__name__
    try:
        await Replayer(workflows=[other]).replay_workflow(history)
        return "replayed"
    except NondeterminismError:
        return "refused"


@scenario("code/patched")
async def _(s: Stage):
    handle = await s.start(wf.GreetsSinceThePatch.run)
    return [await handle.result(), await s.count(handle, "MARKER_RECORDED")]


@scenario("code/from-before-the-patch")
async def _(s: Stage):
    return await replay_as(s, wf.GreetsSinceThePatch)


@scenario("code/other-code-is-noticed")
async def _(s: Stage):
    return await replay_as(s, StartToClose)


# ---- workers --------------------------------------------------------------------------------------


@scenario("worker/another-goes-on")
async def _(s: Stage):
    task_queue = f"{s.queue}-mortal"
    mortal = await s.worker(task_queue, Collects)
    handle = await s.start(Collects.run, task_queue=task_queue)

    async def collected(count: int) -> None:
        async def all_there() -> bool:
            return len(await handle.query(Collects.values)) == count

        await eventually(all_there)

    await handle.signal(Collects.add, 1)
    await collected(1)
    await s.stop(mortal)
    await handle.signal(Collects.add, 2)
    await s.worker(task_queue, Collects)
    await collected(2)
    await handle.signal(Collects.finish)
    return await handle.result()


@scenario("worker/without-cache")
async def _(s: Stage):
    task_queue = f"{s.queue}-forgetful"
    await s.worker(task_queue, Collects, max_cached_workflows=0)
    handle = await s.start(Collects.run, task_queue=task_queue)
    for value in (1, 2, 3):
        await handle.signal(Collects.add, value)

        async def all_there() -> bool:
            return len(await handle.query(Collects.values)) == value

        await eventually(all_there)
    await handle.signal(Collects.finish)
    return await handle.result()


# What the list expects of it is wrong on purpose: the judge has to see that.
@scenario("control/wrong-answer")
async def _(s: Stage):
    return await s.execute(Greets.run, "Judge")
