// Scenarios of the life of a workflow: how it ends, starts again, and whose id it has.
import { ApplicationFailure } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { Stage, chain, eventually, failure, refusal, scenario } from '../stage';
import * as workflows from '../workflows';
import { add, finish, values } from '../workflows';

const keyword = (value: string) => ({
  searchAttributes: { InteropKeyword: [value] },
});

scenario('workflow/continued', async (s) => {
  const handle = await s.start(workflows.countsToZero, [3, 1]);
  const runs = await handle.result();
  const first = s.handle(handle.workflowId, handle.firstExecutionRunId);
  const last = await s.handle(handle.workflowId).describe();
  return [runs, await s.status(first), last.runId !== handle.firstExecutionRunId];
});

scenario('workflow/continued-carries', async (s) =>
  await s.execute(workflows.continuesWithAttributes, [true], { memo: { note: 'kept' }, ...keyword('kept') }),
);

scenario('workflow/cron', async (s) => {
  const handle = await s.start(workflows.countsRuns, [], { cronSchedule: '@every 1s' });
  const latest = s.handle(handle.workflowId);
  await eventually(async () => (await latest.query(values).catch(() => [0]))[0] >= 2);
  await latest.terminate();
  return await s.status(s.handle(handle.workflowId, handle.firstExecutionRunId));
});

scenario('workflow/retried', async (s) => {
  const retry = { initialInterval: '20ms', maximumAttempts: 3 };
  const handle = await s.start(workflows.succeedsAt, [2], { retry });
  const first = s.handle(handle.workflowId, handle.firstExecutionRunId);
  return [await handle.result(), await s.status(first)];
});

scenario('workflow/retries-exhausted', async (s) => {
  const retry = { initialInterval: '20ms', maximumAttempts: 2 };
  return await failure(s.execute(workflows.succeedsAt, [9], { retry }));
});

scenario('workflow/execution-timeout', async (s) => {
  const handle = await s.start(workflows.sleepsForHours, [], { workflowExecutionTimeout: '1s' });
  return [await failure(handle.result()), await s.status(handle)];
});

scenario('workflow/run-timeout', async (s) => {
  const handle = await s.start(workflows.sleepsForHours, [], { workflowRunTimeout: '1s' });
  return [await failure(handle.result()), await s.status(handle)];
});

scenario('workflow/task-fails', async (s) => {
  const handle = await s.start(workflows.failsItsTask, []);
  await eventually(async () => ((await handle.describe()).raw.pendingWorkflowTask?.attempt ?? 0) >= 2);
  const status = await s.status(handle);
  await handle.terminate();
  return [status, await s.count(handle, 'WORKFLOW_TASK_FAILED')];
});

scenario('workflow/cancel-cleans-up', async (s) => {
  const handle = await s.start(workflows.cleansUp, []);
  await eventually(async () => (await s.count(handle, 'TIMER_STARTED')) === 1);
  await handle.cancel();
  const told = await failure(handle.result());
  return [told, await s.status(handle), await s.count(handle, 'ACTIVITY_TASK_COMPLETED')];
});

scenario('workflow/cancel-ignored', async (s) => {
  const handle = await s.start(workflows.ignoresCancellation, []);
  await eventually(async () => (await s.count(handle, 'TIMER_STARTED')) === 1);
  await handle.cancel();
  return [await handle.result(), await s.status(handle)];
});

scenario('workflow/terminated', async (s) => {
  const handle = await s.start(workflows.sleepsForHours, []);
  await handle.terminate('enough');
  const told = await failure(handle.result());
  const { workflowExecutionTerminatedEventAttributes: event } = (await s.events(handle)).at(-1)!;
  return [told, await s.status(handle), event!.reason];
});

scenario('workflow/terminated-twice', async (s) => {
  const handle = await s.start(workflows.sleepsForHours, []);
  await handle.terminate();
  return await refusal(handle.terminate());
});

scenario('workflow/failed-with-causes', async (s) => {
  const handle = await s.start(workflows.failsWithCauses, []);
  const error = await handle.result().catch((caught) => caught);
  return [chain(error), (error.cause as ApplicationFailure).details, await s.status(handle)];
});

scenario('workflow/start-delayed', async (s) => {
  const handle = await s.start(workflows.greets, ['World'], { startDelay: '1s' });
  const told = await handle.result();
  const [started, scheduled] = await s.events(handle);
  const nanoseconds = (event: typeof started) =>
    Number(event.eventTime!.seconds) * 1e9 + event.eventTime!.nanos!;
  return [told, nanoseconds(scheduled) - nanoseconds(started) >= 1e9];
});

scenario('workflow/eager-start', async (s) => {
  const handle = await s.start(workflows.greets, ['World'], { requestEagerStart: true });
  const [started] = await s.events(handle);
  return [await handle.result(), started.workflowExecutionStartedEventAttributes!.eagerExecutionAccepted];
});

scenario('workflow/priority', async (s) =>
  await s.execute(workflows.asksChildForPriority, [], { priority: { priorityKey: 2 } }),
);

scenario('workflow/summary', async (s) => {
  const metadata = { staticSummary: 'in short', staticDetails: 'at length' };
  const handle = await s.start(workflows.greets, ['World'], metadata);
  await handle.result();
  const description = await handle.describe();
  return [await description.staticSummary(), await description.staticDetails()];
});

// ---- ids ----------------------------------------------------------------------------------------

async function meet(s: Stage, more: object) {
  const first = await s.start(workflows.collects, []);
  const { workflowId } = first;
  const second = await s.client.workflow
    .start(workflows.collects, { ...s.options(), args: [], workflowId, ...more })
    .catch(() => undefined);
  const told = second && (second.firstExecutionRunId === first.firstExecutionRunId ? 'same run' : 'new run');
  const status = await s.status(s.handle(workflowId, first.firstExecutionRunId));
  await s.handle(workflowId).terminate();
  return [told ?? 'already started', status];
}

scenario('id/conflict-fail', async (s) => await meet(s, { workflowIdConflictPolicy: 'FAIL' }));
scenario('id/conflict-use-existing', async (s) =>
  await meet(s, { workflowIdConflictPolicy: 'USE_EXISTING' }),
);
scenario('id/conflict-terminate', async (s) =>
  await meet(s, { workflowIdConflictPolicy: 'TERMINATE_EXISTING' }),
);

async function reuse(s: Stage, fails: boolean, workflowIdReusePolicy: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE' | 'ALLOW_DUPLICATE_FAILED_ONLY') {
  const workflowId = s.nextId();
  const options = { taskQueue: s.queue, workflowId, args: [fails ? 9 : 1] as [number] };
  await s.client.workflow.execute(workflows.succeedsAt, options).catch(() => undefined);
  return await refusal(
    s.client.workflow.execute(workflows.succeedsAt, { ...options, args: [1], workflowIdReusePolicy }),
  );
}

scenario('id/reuse-allowed', async (s) => await reuse(s, false, 'ALLOW_DUPLICATE'));
scenario('id/reuse-rejected', async (s) => await reuse(s, true, 'REJECT_DUPLICATE'));
scenario('id/reuse-after-success', async (s) => await reuse(s, false, 'ALLOW_DUPLICATE_FAILED_ONLY'));
scenario('id/reuse-after-failure', async (s) => await reuse(s, true, 'ALLOW_DUPLICATE_FAILED_ONLY'));

// ---- reset --------------------------------------------------------------------------------------

const { ResetReapplyExcludeType } = temporal.api.enums.v1;

async function reset(s: Stage, resetReapplyExcludeTypes: number[]) {
  const handle = await s.start(workflows.collects, []);
  const { workflowId, firstExecutionRunId: runId } = handle;
  await eventually(async () => (await s.count(handle, 'WORKFLOW_TASK_COMPLETED')) === 1);
  await handle.signal(add, 1);
  await handle.signal(add, 2);
  await eventually(async () => (await handle.query(values)).length === 2);
  const again = await s.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    workflowTaskFinishEventId: (await s.events(handle)).find(
      (event) => event.workflowTaskCompletedEventAttributes,
    )!.eventId,
    requestId: s.nextId(),
    reason: 'once more',
    resetReapplyExcludeTypes,
  });
  const other = s.handle(workflowId, again.runId);
  await other.signal(add, 3);
  await other.signal(finish);
  return [await other.result(), await s.status(s.handle(workflowId, runId))];
}

scenario('reset/signals-again', async (s) => await reset(s, []));
scenario('reset/signals-excluded', async (s) =>
  await reset(s, [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL]),
);
