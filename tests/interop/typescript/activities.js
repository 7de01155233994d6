// Activities of the interop test; each misbehaves in one way.
'use strict';
const {
  CompleteAsyncError,
  Context,
  activityInfo,
  cancelled,
  heartbeat,
  sleep,
} = require('@temporalio/activity');

module.exports = {
  async failsTwice() {
    const { attempt } = activityInfo();
    if (attempt < 3) throw new Error(`attempt ${attempt} fails`);
    return attempt;
  },

  async refuses() {
    const { ApplicationFailure } = require('@temporalio/common');
    throw ApplicationFailure.nonRetryable('no', 'Refused', 1, 'two');
  },

  // The first attempt reports once and hangs without another heartbeat; a later one goes on from
  // what it reported.
  async hangsOnce() {
    const { attempt, heartbeatDetails } = activityInfo();
    if (attempt > 1) return `resumed from ${heartbeatDetails}`;
    heartbeat(7);
    await cancelled().catch(() => undefined);
    throw new Error('the hanging attempt ended');
  },

  // Runs until it is told to stop, through its heartbeats.
  async runsUntilCancelled() {
    for (;;) {
      heartbeat();
      await sleep('100ms', undefined);
    }
  },

  async completesLater() {
    throw new CompleteAsyncError();
  },

  async double(value) {
    return value * 2;
  },

  async whoAmI() {
    return `${Context.current().info.workflowExecution.workflowId}/${process.pid}`;
  },
};
