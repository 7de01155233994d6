// Scenarios of children, and of workflows that reach others.
import { Stage, eventually, failure, scenario } from '../stage';
import * as workflows from '../workflows';

const child = (workflowId: string): string => `${workflowId}/child`;

scenario('child/result', async (s) => await s.execute(workflows.hasChild, []));

scenario('child/failed', async (s) => failure(s.execute(workflows.hasFailingChild, [])));

scenario('child/canceled', async (s) => {
  const handle = await s.start(workflows.cancelsChild, []);
  return [await handle.result(), await s.status(s.handle(child(handle.workflowId)))];
});

scenario('child/timed-out', async (s) => failure(s.execute(workflows.hasSlowChild, [])));

scenario('child/terminated', async (s) => {
  const handle = await s.start(workflows.hasLongChild, []);
  await eventually(async () => (await s.count(handle, 'CHILD_WORKFLOW_EXECUTION_STARTED')) === 1);
  await s.handle(child(handle.workflowId)).terminate('enough');
  return await failure(handle.result());
});

scenario('child/id-taken', async (s) => await s.execute(workflows.startsChildTwice, []));

async function leaveChild(s: Stage, policy: 'TERMINATE' | 'ABANDON' | 'REQUEST_CANCEL', ends: boolean) {
  const handle = await s.start(workflows.leavesChild, [policy]);
  await handle.result();
  const left = s.handle(child(handle.workflowId));
  if (ends) await left.result().catch(() => undefined);
  const status = await s.status(left);
  if (!ends) await left.terminate();
  return status;
}

scenario('child/parent-closes-terminate', async (s) => await leaveChild(s, 'TERMINATE', true));
scenario('child/parent-closes-abandon', async (s) => await leaveChild(s, 'ABANDON', false));
scenario('child/parent-closes-cancel', async (s) => await leaveChild(s, 'REQUEST_CANCEL', true));

scenario('child/signaled', async (s) => await s.execute(workflows.signalsChild, []));

scenario('child/retried', async (s) => await s.execute(workflows.retriesChild, []));

scenario('child/many', async (s) => await s.execute(workflows.hasManyChildren, [20]));

scenario('child/continued', async (s) => await s.execute(workflows.hasContinuedChild, []));

scenario('child/knows-its-parent', async (s) => await s.execute(workflows.asksChildForRelations, []));

scenario('external/signal', async (s) => {
  const other = await s.start(workflows.collects, []);
  return [await s.execute(workflows.signalsExternal, [other.workflowId]), await other.result()];
});

scenario('external/cancel', async (s) => {
  const other = await s.start(workflows.sleepsForHours, []);
  return [
    await s.execute(workflows.cancelsExternal, [other.workflowId]),
    await failure(other.result()),
  ];
});

async function reachNobody(s: Stage, type: (workflowId: string) => Promise<string>, event: string) {
  const handle = await s.start(type, ['is not there']);
  const told = await failure(handle.result());
  return [told.length > 0, await s.count(handle, event)];
}

scenario('external/signal-unknown', async (s) =>
  reachNobody(s, workflows.signalsExternal, 'SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED'),
);

scenario('external/cancel-unknown', async (s) =>
  reachNobody(s, workflows.cancelsExternal, 'REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED'),
);
