// Scenarios of signals, queries and updates.
import {
  Client,
  QueryRejectedError,
  WithStartWorkflowOperation,
  WorkflowHandle,
  WorkflowIdConflictPolicy,
  WorkflowUpdateStage,
} from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { Stage, chain, dataConverter, eventually, failure, refusal, scenario } from '../stage';
import * as workflows from '../workflows';
import { add, balance, broken, finish, proceed, raise, raiseDoubled, raiseLater, values } from '../workflows';

async function finished(handle: WorkflowHandle): Promise<unknown> {
  await handle.signal(finish);
  return await handle.result();
}

scenario('signal/order', async (s) => {
  const handle = await s.start(workflows.collects, []);
  for (let value = 1; value <= 20; ++value) await handle.signal(add, value);
  return await finished(handle);
});

scenario('signal/before-worker', async (s) => {
  const taskQueue = `${s.queue}-late`;
  const handle = await s.start(workflows.collects, [], { taskQueue });
  for (const value of [1, 2, 3]) await handle.signal(add, value);
  await handle.signal(finish);
  await s.worker(taskQueue);
  return await handle.result();
});

scenario('signal/with-start', async (s) => {
  const request = { ...s.options(), signal: add } as const;
  const first = await s.client.workflow.signalWithStart(workflows.collects, {
    ...request,
    args: [],
    signalArgs: [1],
  });
  const second = await s.client.workflow.signalWithStart(workflows.collects, {
    ...request,
    args: [],
    signalArgs: [2],
  });
  return [first.signaledRunId === second.signaledRunId, await finished(first)];
});

scenario('signal/unknown-workflow', async (s) => refusal(s.handle('is not there').signal(add, 1)));

scenario('signal/closed-workflow', async (s) => {
  const handle = await s.start(workflows.greets, ['World']);
  await handle.result();
  return await refusal(handle.signal(add, 1));
});

scenario('query/state', async (s) => {
  const handle = await s.start(workflows.collects, []);
  const before = await handle.query(values);
  await handle.signal(add, 1);
  await handle.signal(add, 2);
  const after = await handle.query(values);
  await finished(handle);
  return [before, after];
});

scenario('query/fails', async (s) => {
  const handle = await s.start(workflows.collects, []);
  const told = await refusal(handle.query(broken));
  await finished(handle);
  return told.includes('cannot say');
});

scenario('query/unknown', async (s) => {
  const handle = await s.start(workflows.collects, []);
  const told = await refusal(handle.query('unheard'));
  await finished(handle);
  return told.includes('unheard');
});

scenario('query/closed-workflow', async (s) => {
  const handle = await s.start(workflows.collects, []);
  await handle.signal(add, 5);
  await finished(handle);
  return await handle.query(values);
});

scenario('query/rejected-when-closed', async (s) => {
  const handle = await s.start(workflows.collects, []);
  await finished(handle);
  const workflow = { queryRejectCondition: 'NOT_OPEN' } as const;
  const { connection } = s.client;
  const strict = new Client({ connection, dataConverter, workflow });
  const error = await strict.workflow
    .getHandle(handle.workflowId)
    .query(values)
    .catch((caught) => caught);
  const { status } = error as QueryRejectedError;
  return temporal.api.enums.v1.WorkflowExecutionStatus[status].replace('WORKFLOW_EXECUTION_STATUS_', '');
});

scenario('update/result', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  const sums = [
    await handle.executeUpdate(raise, { args: [40] }),
    await handle.executeUpdate(raise, { args: [2] }),
  ];
  return [sums, await finished(handle)];
});

scenario('update/rejected', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  await handle.executeUpdate(raise, { args: [1] });
  const before = (await s.events(handle)).length;
  const told = await failure(handle.executeUpdate(raise, { args: [-1] }));
  const added = (await s.events(handle)).length - before;
  return [told, added, await finished(handle)];
});

scenario('update/failed', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  const told = await failure(handle.executeUpdate(raise, { args: [13] }));
  return [told, await finished(handle), await s.count(handle, 'WORKFLOW_EXECUTION_UPDATE_COMPLETED')];
});

scenario('update/accepted-first', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  const update = await handle.startUpdate(raiseLater, {
    args: [42],
    updateId: 'later',
    waitForStage: WorkflowUpdateStage.ACCEPTED,
  });
  const between = await handle.query(balance);
  await handle.signal(proceed);
  const results = [await update.result(), await handle.getUpdateHandle('later').result()];
  await finished(handle);
  return [between, results, await handle.getUpdateHandle('later').result()];
});

scenario('update/same-id', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  const once = { args: [40] as [number], updateId: 'once' };
  const sums = [await handle.executeUpdate(raise, once), await handle.executeUpdate(raise, once)];
  return [sums, await finished(handle)];
});

scenario('update/with-activity', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  const sum = await handle.executeUpdate(raiseDoubled, { args: [21] });
  await finished(handle);
  return sum;
});

scenario('update/unknown', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  const told = await failure(handle.executeUpdate('unheard'));
  await finished(handle);
  return [told.length, told.join().includes('unheard')];
});

scenario('update/closed-workflow', async (s) => {
  const handle = await s.start(workflows.greets, ['World']);
  await handle.result();
  return await refusal(handle.executeUpdate(raise, { args: [1] }));
});

scenario('update/left-unfinished', async (s) => {
  const handle = await s.start(workflows.account, [false]);
  const update = await handle.startUpdate(raiseLater, {
    args: [1],
    waitForStage: WorkflowUpdateStage.ACCEPTED,
  });
  const result = await finished(handle);
  const told = (await failure(update.result())) as string[];
  return [result, told.map((text) => text.split(':')[0])];
});

function operation(s: Stage, workflowId: string, workflowIdConflictPolicy: WorkflowIdConflictPolicy) {
  return new WithStartWorkflowOperation(workflows.account, {
    taskQueue: s.queue,
    workflowId,
    args: [true],
    workflowIdConflictPolicy,
  });
}

scenario('update/with-start', async (s) => {
  const workflowId = s.nextId();
  const sums = [];
  for (const amount of [1, 2]) {
    const startWorkflowOperation = operation(s, workflowId, 'USE_EXISTING');
    sums.push(
      await s.client.workflow.executeUpdateWithStart(raise, { args: [amount], startWorkflowOperation }),
    );
  }
  return [sums, await finished(s.handle(workflowId))];
});

scenario('update/with-start-refused', async (s) => {
  const handle = await s.start(workflows.account, [true]);
  const startWorkflowOperation = operation(s, handle.workflowId, 'FAIL');
  startWorkflowOperation.workflowHandle().catch(() => undefined);
  const told = await refusal(
    s.client.workflow.executeUpdateWithStart(raise, { args: [1], startWorkflowOperation }),
  );
  return [told, await finished(handle)];
});

scenario('update/with-start-rejected', async (s) => {
  const startWorkflowOperation = operation(s, s.nextId(), 'FAIL');
  const told = await s.client.workflow
    .executeUpdateWithStart(raise, { args: [-1], startWorkflowOperation })
    .catch(chain);
  const handle = await startWorkflowOperation.workflowHandle();
  await eventually(async () => (await s.status(handle)) === 'RUNNING');
  return [told, await finished(handle)];
});
