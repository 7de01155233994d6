// The judge: the official TypeScript SDK, client and worker, against the server's binary.
'use strict';
const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const {
  Client,
  Connection,
  WithStartWorkflowOperation,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateStage,
} = require('@temporalio/client');
const { Server, bundleWorkflows, eventually, startWorker, stopWorker } = require('./processes');

const server = new Server();
let bundle;
let connection;
let client;
let shared; // the worker of the queue 'shared'

before(async () => {
  [bundle] = await Promise.all([bundleWorkflows(server), server.start()]);
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
  shared = await startWorker(server, 'shared', bundle);
});

after(async () => {
  await connection?.close();
  if (shared) await stopWorker(shared);
  await server.stop();
  server.remove();
});

let counter = 0;
const options = (...args) => ({ taskQueue: 'shared', workflowId: `interop-${++counter}`, args });
const start = (type, ...args) => client.workflow.start(type, options(...args));
const execute = (type, ...args) => client.workflow.execute(type, options(...args));

async function eventsOf(handle) {
  const { events } = await handle.fetchHistory();
  events.forEach((event, index) => assert.equal(Number(event.eventId), index + 1));
  return events;
}

async function failure(promise) {
  const error = await promise.then(
    () => assert.fail('it succeeded'),
    (thrown) => thrown,
  );
  assert.ok(error instanceof WorkflowFailedError, String(error));
  return error.cause;
}

describe('activities', { concurrency: true }, () => {
  test('one that fails twice succeeds at the third attempt', async () => {
    const handle = await start('retriesActivity');
    assert.equal(await handle.result(), 3);
    const started = (await eventsOf(handle)).filter((e) => e.activityTaskStartedEventAttributes);
    assert.equal(started.length, 1);
    assert.equal(started[0].activityTaskStartedEventAttributes.attempt, 3);
    assert.match(started[0].activityTaskStartedEventAttributes.lastFailure.message, /attempt 2/);
  });

  test('a refusal keeps its type and details on the way to the client', async () => {
    const cause = await failure(execute('failsWithDetails'));
    assert.equal(cause.cause.type, 'Refused');
    assert.deepEqual(cause.cause.details, [1, 'two']);
  });

  test('one that stops its heartbeats is tried again from its last details', async () => {
    assert.equal(await execute('resumesAfterHeartbeatTimeout'), 'resumed from 7');
  });

  test('a heartbeat time-out without retries is a failure of that type', async () => {
    const names = await execute('heartbeatTimesOut');
    assert.deepEqual(names, ['ActivityFailure', 'TimeoutFailure', 'HEARTBEAT']);
  });

  test('a cancelled one learns it from its heartbeat', async () => {
    assert.equal(await execute('cancelsActivity'), 'cancelled');
  });

  test('one is completed from outside by its id', async () => {
    const handle = await start('waitsForOutside');
    const { workflowId } = handle;
    await eventually('the activity to start', async () => {
      const { raw } = await handle.describe();
      return raw.pendingActivities.some((a) => a.lastStartedTime);
    });
    await client.activity.complete({ workflowId, activityId: '1' }, 'from outside');
    assert.equal(await handle.result(), 'from outside');
  });

  test('local ones leave markers', async () => {
    const handle = await start('usesLocalActivity');
    assert.equal(await handle.result(), 42);
    const markers = (await eventsOf(handle)).filter((e) => e.markerRecordedEventAttributes);
    assert.equal(markers.length, 2);
  });
});

describe('workflows', { concurrency: true }, () => {
  test('a timer fires, and not early', async () => {
    assert.ok((await execute('sleeps', 1000)) >= 1000);
  });

  test('signals arrive in order and queries see them', async () => {
    const handle = await start('sums');
    assert.equal(await handle.query('total'), 0);
    for (let value = 1; value <= 10; ++value) await handle.signal('add', value);
    assert.equal(await handle.query('total'), 55);
    await handle.signal('finish');
    assert.equal(await handle.result(), 55);
    assert.equal(await handle.query('total'), 55);
  });

  test('updates are validated, accepted and completed', async () => {
    const handle = await start('account');
    assert.equal(await handle.executeUpdate('raise', { args: [40] }), 40);
    const before = (await eventsOf(handle)).length;
    const refused = await handle.executeUpdate('raise', { args: [-1] }).then(
      () => assert.fail('it succeeded'),
      (error) => error,
    );
    assert.ok(refused instanceof WorkflowUpdateFailedError, String(refused));
    assert.equal(refused.cause.type, 'Refused');
    assert.equal((await eventsOf(handle)).length, before);
    const failed = await handle.executeUpdate('raise', { args: [13] }).catch((error) => error);
    assert.equal(failed.cause.type, 'Unlucky');
    assert.equal(await handle.query('total'), 40);

    const slow = await handle.startUpdate('raiseSlowly', {
      args: [1],
      updateId: 'slow',
      waitForStage: WorkflowUpdateStage.ACCEPTED,
    });
    await handle.signal('finish');
    assert.equal(await slow.result(), 42);
    assert.equal(await handle.getUpdateHandle('slow').result(), 42);
    assert.equal(await handle.result(), 42);
    assert.equal(await handle.getUpdateHandle('slow').result(), 42);
    const names = (await eventsOf(handle)).map((e) => Object.keys(e).find((k) => /Update/.test(k)));
    assert.equal(names.filter((n) => /UpdateAccepted/.test(n)).length, 3);
    assert.equal(names.filter((n) => /UpdateCompleted/.test(n)).length, 3);
  });

  test('an update starts its workflow, or meets it', async () => {
    const startWorkflowOperation = () =>
      new WithStartWorkflowOperation('account', {
        taskQueue: 'shared',
        workflowId: 'interop-update-with-start',
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    const first = startWorkflowOperation();
    assert.equal(
      await client.workflow.executeUpdateWithStart('raise', {
        args: [1],
        startWorkflowOperation: first,
      }),
      1,
    );
    const handle = await first.workflowHandle();
    assert.equal(
      await client.workflow.executeUpdateWithStart('raise', {
        args: [2],
        startWorkflowOperation: startWorkflowOperation(),
      }),
      3,
    );
    await handle.signal('finish');
    assert.equal(await handle.result(), 3);
  });

  test('a signal with start reaches the workflow that it starts, and the one that runs', async () => {
    const request = { ...options(), signal: 'add' };
    const first = await client.workflow.signalWithStart('sums', { ...request, signalArgs: [1] });
    const second = await client.workflow.signalWithStart('sums', { ...request, signalArgs: [2] });
    assert.equal(second.signaledRunId, first.signaledRunId);
    await first.signal('finish');
    assert.equal(await first.result(), 3);
  });

  test('a cancelled workflow cleans up and ends as cancelled', async () => {
    const handle = await start('sleepsUntilCancelled');
    await handle.cancel();
    const cause = await failure(handle.result());
    assert.equal(cause.name, 'CancelledFailure');
    assert.equal((await handle.describe()).status.name, 'CANCELLED');
  });

  test('a terminated workflow ends at once', async () => {
    const handle = await start('sums');
    await handle.terminate('enough');
    const cause = await failure(handle.result());
    assert.equal(cause.name, 'TerminatedFailure');
    await assert.rejects(handle.signal('add', 1), { name: 'WorkflowNotFoundError' });
  });

  test('continue-as-new makes a chain of runs with one result', async () => {
    const handle = await start('countsDown', 3, []);
    const { runs } = await handle.result();
    assert.equal(new Set(runs).size, 4);
    assert.equal(runs[0], handle.firstExecutionRunId);
    assert.equal((await handle.describe()).runId, runs[3]);
  });

  test('a workflow that is reset goes on in its worker, from the point on', async () => {
    const handle = await start('sums');
    const { workflowId } = handle;
    await handle.signal('add', 40);
    assert.equal(await handle.query('total'), 40);
    const completed = (await eventsOf(handle)).find((e) => e.workflowTaskCompletedEventAttributes);
    const reset = await client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId, runId: handle.firstExecutionRunId },
      workflowTaskFinishEventId: completed.eventId,
      requestId: `reset-${workflowId}`,
      reason: 'once more',
    });
    const again = client.workflow.getHandle(workflowId, reset.runId);
    await again.signal('add', 2);
    assert.equal(await again.query('total'), 42);
    const past = client.workflow.getHandle(workflowId, handle.firstExecutionRunId);
    assert.equal((await past.describe()).status.name, 'TERMINATED');
    await again.signal('finish');
    assert.equal(await again.result(), 42);
    const forks = (await eventsOf(again)).filter((e) => e.workflowTaskFailedEventAttributes);
    assert.equal(forks[0].workflowTaskFailedEventAttributes.newRunId, reset.runId);
  });

  test('a workflow with a retry policy gets a second attempt', async () => {
    const retry = { initialInterval: '100ms', maximumAttempts: 3 };
    assert.equal(await client.workflow.execute('failsOnce', { ...options(), retry }), 2);
  });

  test('a second start of the same id is refused', async () => {
    const handle = await start('sums');
    const { workflowId } = handle;
    await assert.rejects(
      client.workflow.start('sums', { ...options(), workflowId }),
      { name: 'WorkflowExecutionAlreadyStartedError' },
    );
    await handle.terminate();
  });

  test('search attributes and memo that it upserts are listed', async () => {
    const handle = await start('annotates', 'violet');
    await handle.result();
    const query = "InteropKeyword = 'violet' AND ExecutionStatus = 'Completed'";
    const found = await eventually('the list to show it', async () => {
      const rows = [];
      for await (const row of client.workflow.list({ query })) rows.push(row);
      return rows.length > 0 && rows;
    });
    assert.deepEqual(found.map((row) => row.workflowId), [handle.workflowId]);
    assert.equal(found[0].memo.note, 'violet');
    assert.equal((await client.workflow.count(query)).count, 1);
  });
});

describe('crashes', () => {
  test('a workflow outlives its worker, whose cache is gone', async () => {
    let worker = await startWorker(server, 'mortal', bundle);
    const handle = await client.workflow.start('outlivesWorkers', {
      ...options(),
      taskQueue: 'mortal',
    });
    await handle.signal('add');
    await eventually('the first activity', async () => (await handle.query('total')) === 1);
    const first = worker.pid;
    await stopWorker(worker, 'SIGKILL');
    await handle.signal('add');
    worker = await startWorker(server, 'mortal', bundle);
    const second = worker.pid;
    await eventually('the second activity', async () => (await handle.query('total')) === 2);
    await handle.signal('add');
    const id = handle.workflowId;
    const expected = [`${id}/${first}`, `${id}/${second}`, `${id}/${second}`];
    assert.deepEqual(await handle.result(), expected);
    await eventsOf(handle);
    await stopWorker(worker);
  });

  test('workflows outlive kill -9 of the server', async () => {
    const sleeping = await start('sleeps', 2000);
    const summing = await start('sums');
    await summing.signal('add', 40);
    assert.equal(await summing.query('total'), 40);
    await server.stop('SIGKILL');
    await server.start();
    await eventually('the client to reach the server again', () =>
      summing.signal('add', 2).then(
        () => true,
        () => false,
      ),
    );
    await summing.signal('finish');
    assert.equal(await summing.result(), 42);
    assert.ok((await sleeping.result()) >= 2000);
    await eventsOf(summing);
  });
});
