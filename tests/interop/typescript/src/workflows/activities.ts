// Workflows that call activities, and wait.
import * as wf from '@temporalio/workflow';
import type * as activities from '../activities';

const again = { initialInterval: '20ms', backoffCoefficient: 1 } as const;
const act = wf.proxyActivities<typeof activities>({ startToCloseTimeout: '30s', retry: again });
const once = { maximumAttempts: 1 };
const { WAIT_CANCELLATION_COMPLETED, TRY_CANCEL, ABANDON } = wf.ActivityCancellationType;

async function unlessCancelled(running: Promise<string>): Promise<string> {
  try {
    return await running;
  } catch (error) {
    if (wf.isCancellation(error)) return 'canceled';
    throw error;
  }
}

export async function greets(name: string): Promise<string> {
  return await act.greet(name);
}

export async function retries(failures: number, maximumAttempts?: number): Promise<number> {
  const limited = wf.proxyActivities<typeof activities>({
    startToCloseTimeout: '30s',
    retry: { ...again, maximumAttempts },
  });
  return await limited.flaky(failures);
}

export async function isRefused(): Promise<void> {
  await act.refuse();
}

export async function isRefusedByPolicy(): Promise<void> {
  const strict = wf.proxyActivities<typeof activities>({
    startToCloseTimeout: '30s',
    retry: { ...again, nonRetryableErrorTypes: ['Flaky'] },
  });
  await strict.flaky(5);
}

export async function isAskedToRetrySoon(): Promise<number> {
  const patient = wf.proxyActivities<typeof activities>({
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1h' },
  });
  return await patient.soonAgain();
}

export async function startToClose(): Promise<void> {
  const short = wf.proxyActivities<typeof activities>({ startToCloseTimeout: '200ms', retry: once });
  await short.hang();
}

export async function scheduleToStart(): Promise<void> {
  const nobody = wf.proxyActivities<typeof activities>({
    startToCloseTimeout: '30s',
    scheduleToStartTimeout: '200ms',
    taskQueue: 'nobody-polls-this',
  });
  await nobody.hang();
}

export async function scheduleToClose(): Promise<void> {
  const short = wf.proxyActivities<typeof activities>({
    scheduleToCloseTimeout: '30s',
    retry: { initialInterval: '1h' },
  });
  await short.flaky(1000);
}

export async function heartbeatMissed(): Promise<void> {
  const watched = wf.proxyActivities<typeof activities>({
    startToCloseTimeout: '30s',
    heartbeatTimeout: '300ms',
    retry: once,
  });
  await watched.hang();
}

export async function resumes(): Promise<string> {
  const watched = wf.proxyActivities<typeof activities>({
    startToCloseTimeout: '30s',
    heartbeatTimeout: '2s',
    retry: again,
  });
  return await watched.resume();
}

/** Cancels its activity once it runs, which a signal tells. */
export async function cancelsActivity(how: 'wait' | 'try' | 'abandon', ignore: boolean): Promise<string> {
  const cancellationType = { wait: WAIT_CANCELLATION_COMPLETED, try: TRY_CANCEL, abandon: ABANDON }[how];
  const watched = wf.proxyActivities<typeof activities>({
    startToCloseTimeout: '30s',
    heartbeatTimeout: '20s',
    cancellationType,
  });
  let started = false;
  wf.setHandler(wf.defineSignal('started'), () => {
    started = true;
  });
  const scope = new wf.CancellationScope();
  const running = scope.run(() => watched.untilCancelled(ignore));
  await wf.condition(() => started);
  scope.cancel();
  return await unlessCancelled(running);
}

export async function waitsForOutside(): Promise<string> {
  const patient = wf.proxyActivities<typeof activities>({ startToCloseTimeout: '60s', retry: once });
  return await patient.completedOutside();
}

export async function doesMuchAtOnce(count: number): Promise<number> {
  const parts = Array.from({ length: count }, (_, value) => act.double(value));
  return (await Promise.all(parts)).reduce((sum, part) => sum + part, 0);
}

export async function usesOtherQueue(taskQueue: string): Promise<string> {
  const other = wf.proxyActivities<typeof activities>({ startToCloseTimeout: '30s', taskQueue });
  return await other.queueName();
}

const local = wf.proxyLocalActivities<typeof activities>({ startToCloseTimeout: '30s', retry: again });

export async function usesLocal(): Promise<number> {
  return (await local.double(20)) + (await local.double(1));
}

export async function retriesLocal(): Promise<number> {
  return await local.flaky(2);
}

export async function isRefusedLocally(): Promise<void> {
  await local.refuse();
}

export async function localTimesOut(): Promise<void> {
  const short = wf.proxyLocalActivities<typeof activities>({ startToCloseTimeout: '200ms', retry: once });
  await short.hang();
}

// ---- timers -------------------------------------------------------------------------------------

export async function sleeps(ms: number): Promise<boolean> {
  const before = Date.now();
  await wf.sleep(ms);
  return Date.now() - before >= ms;
}

export async function cancelsTimer(): Promise<string> {
  const scope = new wf.CancellationScope();
  const sleeping = scope.run(() => wf.sleep('1h'));
  await wf.sleep(20);
  scope.cancel();
  return await unlessCancelled(sleeping.then(() => 'slept'));
}

export async function sleepsInParallel(times: number[]): Promise<number[]> {
  const fired: number[] = [];
  await Promise.all(times.map((ms) => wf.sleep(ms).then(() => fired.push(ms))));
  return fired;
}

export async function waitsForConditions(): Promise<boolean[]> {
  let told = false;
  wf.setHandler(wf.defineSignal('tell'), () => {
    told = true;
  });
  const inTime = await wf.condition(() => false, '50ms');
  return [inTime, await wf.condition(() => told, '1h')];
}
