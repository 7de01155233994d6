// Workflows of the interop test, one for each thing that the server must get right.
'use strict';
const wf = require('@temporalio/workflow');

const { failsTwice, refuses, completesLater, double, whoAmI } = wf.proxyActivities({
  startToCloseTimeout: '20s',
  retry: { initialInterval: '50ms', backoffCoefficient: 1 },
});
const { hangsOnce, runsUntilCancelled } = wf.proxyActivities({
  startToCloseTimeout: '20s',
  heartbeatTimeout: '1s',
  cancellationType: wf.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '50ms', backoffCoefficient: 1 },
});
const { hangsOnce: hangsOnceWithoutRetry } = wf.proxyActivities({
  startToCloseTimeout: '20s',
  heartbeatTimeout: '500ms',
  retry: { maximumAttempts: 1 },
});
const local = wf.proxyLocalActivities({ startToCloseTimeout: '5s' });

const add = wf.defineSignal('add');
const total = wf.defineQuery('total');
const finish = wf.defineSignal('finish');

exports.retriesActivity = async () => failsTwice();

exports.failsWithDetails = async () => refuses();

exports.sleeps = async (ms) => {
  const before = Date.now();
  await wf.sleep(ms);
  return Date.now() - before;
};

exports.sums = async () => {
  let sum = 0;
  let done = false;
  wf.setHandler(add, (value) => {
    sum += value;
  });
  wf.setHandler(total, () => sum);
  wf.setHandler(finish, () => {
    done = true;
  });
  await wf.condition(() => done);
  return sum;
};

const raise = wf.defineUpdate('raise');
const raiseSlowly = wf.defineUpdate('raiseSlowly');

/** A balance: raised by updates, which refuse what makes no sense and may take a while. */
exports.account = async () => {
  let balance = 0;
  let done = false;
  wf.setHandler(
    raise,
    (amount) => {
      if (amount === 13) throw wf.ApplicationFailure.create({ message: 'unlucky', type: 'Unlucky' });
      balance += amount;
      return balance;
    },
    {
      validator: (amount) => {
        if (amount <= 0) throw wf.ApplicationFailure.create({ message: 'too little', type: 'Refused' });
      },
    },
  );
  wf.setHandler(raiseSlowly, async (amount) => {
    await wf.sleep('300ms');
    balance += await double(amount);
    return balance;
  });
  wf.setHandler(total, () => balance);
  wf.setHandler(finish, () => {
    done = true;
  });
  await wf.condition(() => done && wf.allHandlersFinished());
  return balance;
};

exports.sleepsUntilCancelled = async () => {
  try {
    await wf.sleep('1 day');
  } catch (error) {
    if (!wf.isCancellation(error)) throw error;
    await wf.CancellationScope.nonCancellable(() => double(1));
    throw error;
  }
};

exports.cancelsActivity = async () => {
  const scope = new wf.CancellationScope();
  const running = scope.run(() => runsUntilCancelled());
  await wf.sleep('300ms');
  scope.cancel();
  try {
    await running;
    return 'completed';
  } catch (error) {
    return wf.isCancellation(error) ? 'cancelled' : String(error);
  }
};

exports.resumesAfterHeartbeatTimeout = async () => hangsOnce();

exports.heartbeatTimesOut = async () => {
  try {
    await hangsOnceWithoutRetry();
    return 'completed';
  } catch (error) {
    return [error.name, error.cause.name, error.cause.timeoutType];
  }
};

exports.countsDown = async (left, runs) => {
  if (left === 0) return { runs: [...runs, wf.workflowInfo().runId] };
  await double(left);
  await wf.continueAsNew(left - 1, [...runs, wf.workflowInfo().runId]);
};

exports.waitsForOutside = async () => completesLater();

exports.usesLocalActivity = async () => (await local.double(20)) + (await local.double(1));

exports.annotates = async (keyword) => {
  wf.upsertSearchAttributes({ InteropKeyword: [keyword] });
  wf.upsertMemo({ note: keyword });
  await wf.sleep(1);
  return 'annotated';
};

exports.failsOnce = async () => {
  if (wf.workflowInfo().attempt < 2) throw wf.ApplicationFailure.create({ message: 'once' });
  return wf.workflowInfo().attempt;
};

// Collects who ran its activities, one after each signal: a worker may come and go between them.
exports.outlivesWorkers = async () => {
  const seen = [];
  let wanted = 0;
  wf.setHandler(add, () => {
    wanted += 1;
  });
  wf.setHandler(total, () => seen.length);
  while (seen.length < 3) {
    await wf.condition(() => wanted > seen.length);
    seen.push(await whoAmI());
  }
  return seen;
};
