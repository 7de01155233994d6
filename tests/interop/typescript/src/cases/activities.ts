// Scenarios of activities and timers.
import { ApplicationFailure } from '@temporalio/common';
import { RetryState } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import { Stage, chain, failure, scenario } from '../stage';
import * as workflows from '../workflows';

/** The chain of a failed activity, with the reason why it was not tried again. */
async function activityFailure(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.catch((caught) => caught);
  const { retryState } = (error as WorkflowFailedError).cause as { retryState?: RetryState };
  return { chain: chain(error), state: retryState };
}

scenario('activity/result', async (s) => await s.execute(workflows.greets, ['World']));

scenario('activity/retried', async (s) => {
  const handle = await s.start(workflows.retries, [2]);
  return [await handle.result(), await s.count(handle, 'ACTIVITY_TASK_STARTED')];
});

scenario('activity/retries-exhausted', async (s) =>
  activityFailure(s.execute(workflows.retries, [9, 2])),
);

scenario('activity/non-retryable', async (s) => {
  const error = await s.execute(workflows.isRefused, []).catch((caught) => caught);
  const { details } = error.cause.cause as ApplicationFailure;
  return { chain: chain(error), state: error.cause.retryState, details };
});

scenario('activity/non-retryable-by-policy', async (s) =>
  activityFailure(s.execute(workflows.isRefusedByPolicy, [])),
);

scenario('activity/next-retry-delay', async (s) => await s.execute(workflows.isAskedToRetrySoon, []));

scenario('activity/start-to-close', async (s) => failure(s.execute(workflows.startToClose, [])));

scenario('activity/schedule-to-start', async (s) => failure(s.execute(workflows.scheduleToStart, [])));

scenario('activity/schedule-to-close', async (s) =>
  activityFailure(s.execute(workflows.scheduleToClose, [])),
);

scenario('activity/heartbeat-missed', async (s) => failure(s.execute(workflows.heartbeatMissed, [])));

scenario('activity/heartbeat-details', async (s) => await s.execute(workflows.resumes, []));

async function cancelActivity(s: Stage, how: 'wait' | 'try' | 'abandon', ignore = false) {
  const handle = await s.start(workflows.cancelsActivity, [how, ignore]);
  await s.activityStarted(handle);
  await handle.signal('started');
  return {
    outcome: await handle.result(),
    requested: await s.count(handle, 'ACTIVITY_TASK_CANCEL_REQUESTED'),
    canceled: await s.count(handle, 'ACTIVITY_TASK_CANCELED'),
  };
}

scenario('activity/cancel-waits', async (s) => await cancelActivity(s, 'wait'));
scenario('activity/cancel-ignored', async (s) => await cancelActivity(s, 'wait', true));
scenario('activity/cancel-tries', async (s) => await cancelActivity(s, 'try'));
scenario('activity/cancel-abandons', async (s) => await cancelActivity(s, 'abandon'));

scenario('activity/completed-outside', async (s) => {
  const handle = await s.start(workflows.waitsForOutside, []);
  await s.activityStarted(handle);
  const { workflowId } = handle;
  await s.client.activity.complete({ workflowId, activityId: '1' }, 'from outside');
  return await handle.result();
});

scenario('activity/failed-outside', async (s) => {
  const handle = await s.start(workflows.waitsForOutside, []);
  await s.activityStarted(handle);
  const { workflowId } = handle;
  const refusal = ApplicationFailure.nonRetryable('no', 'Refused');
  await s.client.activity.fail({ workflowId, activityId: '1' }, refusal);
  return await failure(handle.result());
});

scenario('activity/many', async (s) => await s.execute(workflows.doesMuchAtOnce, [25]));

scenario('activity/other-queue', async (s) => {
  await s.worker(`${s.queue}-other`, { workflowBundle: undefined });
  return await s.execute(workflows.usesOtherQueue, [`${s.queue}-other`]);
});

scenario('local/result', async (s) => {
  const handle = await s.start(workflows.usesLocal, []);
  return [await handle.result(), await s.count(handle, 'MARKER_RECORDED')];
});

scenario('local/retried', async (s) => await s.execute(workflows.retriesLocal, []));

scenario('local/failed', async (s) => (await failure(s.execute(workflows.isRefusedLocally, []))).at(-1));

scenario('local/timed-out', async (s) => {
  const told = (await failure(s.execute(workflows.localTimesOut, []))).at(-1);
  return told?.split('(')[0];
});

scenario('timer/fires', async (s) => {
  const handle = await s.start(workflows.sleeps, [700]);
  return [
    await handle.result(),
    await s.count(handle, 'TIMER_STARTED'),
    await s.count(handle, 'TIMER_FIRED'),
  ];
});

scenario('timer/canceled', async (s) => {
  const handle = await s.start(workflows.cancelsTimer, []);
  return [await handle.result(), await s.count(handle, 'TIMER_CANCELED')];
});

scenario('timer/order', async (s) => await s.execute(workflows.sleepsInParallel, [[900, 100, 500]]));

scenario('timer/condition', async (s) => {
  const handle = await s.start(workflows.waitsForConditions, []);
  await handle.signal('tell');
  return await handle.result();
});
