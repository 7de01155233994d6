// Scenarios of what is kept with workflows: attributes, payloads, and the code that made them.
import { SearchAttributePair, TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Stage, dataConverter, eventually, scenario } from '../stage';
import * as workflows from '../workflows';
import { add, finish, values } from '../workflows';
import { WorkflowExecution } from '../payload_converter';

// ---- attributes ---------------------------------------------------------------------------------

const pairs: SearchAttributePair[] = [
  { key: defineSearchAttributeKey('InteropKeyword', 'KEYWORD'), value: 'typescript one' },
  { key: defineSearchAttributeKey('InteropText', 'TEXT'), value: 'some words in a row' },
  { key: defineSearchAttributeKey('InteropInt', 'INT'), value: 42 },
  { key: defineSearchAttributeKey('InteropDouble', 'DOUBLE'), value: 1.5 },
  { key: defineSearchAttributeKey('InteropBool', 'BOOL'), value: true },
  { key: defineSearchAttributeKey('InteropDatetime', 'DATETIME'), value: new Date('2026-01-02T03:04:05Z') },
  { key: defineSearchAttributeKey('InteropKeywordList', 'KEYWORD_LIST'), value: ['a', 'b'] },
];

async function listed(s: Stage, query: string, count = 1): Promise<string[]> {
  const found: string[] = [];
  await eventually(async () => {
    found.length = 0;
    for await (const row of s.client.workflow.list({ query })) found.push(row.workflowId);
    return found.length >= count;
  });
  return found;
}

scenario('visibility/attributes', async (s) => {
  const typedSearchAttributes = new TypedSearchAttributes(pairs);
  const handle = await s.start(workflows.greets, ['World'], { typedSearchAttributes });
  await handle.result();
  const { typedSearchAttributes: told } = await handle.describe();
  const kept = pairs.map(({ key }) => told.get(key as never) as unknown);
  const conditions = [
    "InteropKeyword = 'typescript one'",
    "InteropText = 'words'",
    'InteropInt > 41',
    'InteropDouble < 2',
    'InteropBool = true',
    "InteropDatetime > '2026-01-02T03:04:04Z'",
    "InteropDatetime < '2026-01-02T03:04:06Z'",
    "InteropKeywordList = 'b'",
  ];
  const found = await listed(s, conditions.join(' AND '));
  const shown = kept.slice(1).map((value) => (value instanceof Date ? value.getTime() : value));
  return [shown, found.length === 1 && found[0] === handle.workflowId];
});

scenario('visibility/upsert', async (s) => {
  const keyword = `${s.queue} violet`;
  const handle = await s.start(workflows.annotates, [keyword]);
  await handle.result();
  const found = await listed(s, `InteropKeyword = '${keyword}' AND ExecutionStatus = 'Completed'`);
  return [found.length, (await handle.describe()).memo?.note === keyword];
});

scenario('visibility/unknown-attribute', async (s) => {
  const searchAttributes = { NobodyDefinedThis: ['x'] };
  return await s.start(workflows.greets, ['World'], { searchAttributes }).then(
    () => 'started',
    (error) => (/NobodyDefinedThis/.test(String(error.cause ?? error)) ? 'refused by name' : String(error)),
  );
});

scenario('visibility/list-and-count', async (s) => {
  const searchAttributes = { InteropKeyword: [`${s.queue} counted`] };
  for (let i = 0; i < 3; ++i) await s.execute(workflows.greets, ['World'], { searchAttributes });
  const open = await s.start(workflows.collects, [], { searchAttributes });
  const query = `InteropKeyword = '${s.queue} counted'`;
  const found = await listed(s, query, 4);
  const { count } = await s.client.workflow.count(`${query} AND ExecutionStatus = 'Running'`);
  await open.terminate();
  return [found.length, count];
});

scenario('visibility/describe', async (s) => {
  const handle = await s.start(workflows.greets, ['World'], { memo: { note: ['kept', 1] } });
  await handle.result();
  const told = await handle.describe();
  return [
    told.workflowId === handle.workflowId,
    told.taskQueue === s.queue,
    told.memo,
    told.historyLength === (await s.events(handle)).length,
    told.closeTime! >= told.startTime,
  ];
});

// ---- payloads -----------------------------------------------------------------------------------

const encodingOf = (payload: { metadata?: Record<string, Uint8Array> | null }): string =>
  Buffer.from(payload.metadata!.encoding).toString();

/** A value's way through a workflow: what it is encoded as, there and back. */
async function echo(s: Stage, value: unknown, same: (told: any) => boolean) {
  const handle = await s.start(workflows.echoes, [value]);
  const told = await handle.result();
  const events = await s.events(handle);
  const { input } = events[0].workflowExecutionStartedEventAttributes!;
  const { result } = events.at(-1)!.workflowExecutionCompletedEventAttributes!;
  return [encodingOf(input!.payloads![0]), encodingOf(result!.payloads![0]), same(told)];
}

scenario('payload/json-plain', async (s) => {
  const value = { text: 'ÄÖ \u2603 "quoted"', list: [1, 2.5, true, null], nested: { empty: {} } };
  return await echo(s, value, (told) => JSON.stringify(told) === JSON.stringify(value));
});

scenario('payload/json-protobuf', async (s) => {
  const value = WorkflowExecution.create({ workflowId: 'w', runId: 'r' });
  return await echo(s, value, (told) => told.workflowId === 'w' && told.runId === 'r');
});

scenario('payload/binary-plain', async (s) => {
  const value = new Uint8Array([0, 1, 127, 128, 255]);
  return await echo(s, value, (told) => Buffer.from(told).equals(Buffer.from(value)));
});

scenario('payload/binary-null', async (s) => await echo(s, undefined, (told) => told === undefined));

scenario('payload/large', async (s) => {
  const text = 'x\u2603'.repeat(250_000);
  const [length, told] = await s.execute(workflows.measures, [text]);
  return [length, told === text];
});

// ---- code ---------------------------------------------------------------------------------------

/** Replays the history of one workflow as if another had made it. */
async function replayAs(s: Stage, type: string) {
  const handle = await s.start(workflows.sleepsOnce, []);
  await handle.result();
  const history = await handle.fetchHistory();
  history.events![0].workflowExecutionStartedEventAttributes!.workflowType!.name = type;
  const options = { workflowBundle: s.world.workflowBundle, dataConverter };
  return await Worker.runReplayHistory(options, history, handle.workflowId).then(
    () => 'replayed',
    (error) => (error instanceof DeterminismViolationError ? 'refused' : String(error)),
  );
}

scenario('code/patched', async (s) => {
  const handle = await s.start(workflows.greetsSinceThePatch, []);
  return [await handle.result(), await s.count(handle, 'MARKER_RECORDED')];
});
scenario('code/from-before-the-patch', async (s) => await replayAs(s, 'greetsSinceThePatch'));
scenario('code/other-code-is-noticed', async (s) => await replayAs(s, 'startToClose'));

// ---- workers ------------------------------------------------------------------------------------

scenario('worker/another-goes-on', async (s) => {
  const taskQueue = `${s.queue}-mortal`;
  const stop = await s.worker(taskQueue);
  const handle = await s.start(workflows.collects, [], { taskQueue });
  await handle.signal(add, 1);
  await eventually(async () => (await handle.query(values)).length === 1);
  await stop();
  await handle.signal(add, 2);
  await s.worker(taskQueue);
  await eventually(async () => (await handle.query(values)).length === 2);
  await handle.signal(finish);
  return await handle.result();
});

scenario('worker/without-cache', async (s) => {
  const taskQueue = `${s.queue}-forgetful`;
  await s.worker(taskQueue, { maxCachedWorkflows: 0 });
  const handle = await s.start(workflows.collects, [], { taskQueue });
  for (const value of [1, 2, 3]) {
    await handle.signal(add, value);
    await eventually(async () => (await handle.query(values)).length === value);
  }
  await handle.signal(finish);
  return await handle.result();
});

// What the list expects of it is wrong on purpose: the judge has to see that.
scenario('control/wrong-answer', async (s) => await s.execute(workflows.greets, ['Judge']));
