// Activities of the scenarios; most of them misbehave in one way.
import { ApplicationFailure } from '@temporalio/common';
import {
  CompleteAsyncError,
  activityInfo,
  cancelled,
  heartbeat,
  sleep,
  Context,
} from '@temporalio/activity';

export async function greet(name: string): Promise<string> {
  return `Hello, ${name}!`;
}

export async function double(value: number): Promise<number> {
  return value * 2;
}

export async function queueName(): Promise<string> {
  return activityInfo().taskQueue.split('-').pop()!;
}

/** Fails the first `failures` attempts, and tells which one succeeded. */
export async function flaky(failures: number): Promise<number> {
  const { attempt } = activityInfo();
  if (attempt <= failures) throw ApplicationFailure.retryable(`attempt ${attempt}`, 'Flaky');
  return attempt;
}

export async function refuse(): Promise<void> {
  throw ApplicationFailure.nonRetryable('no', 'Refused', 1, 'two');
}

/** Asks to be tried again soon, whatever the policy says. */
export async function soonAgain(): Promise<number> {
  const { attempt } = activityInfo();
  if (attempt === 1) {
    throw ApplicationFailure.create({ message: 'soon', type: 'Soon', nextRetryDelay: '10ms' });
  }
  return attempt;
}

/** Does nothing until it is cancelled or its worker ends. */
export async function hang(): Promise<void> {
  await cancelled();
}

/** The first attempt reports 7 and hangs; a later one tells what it was left. */
export async function resume(): Promise<string> {
  const { attempt, heartbeatDetails } = activityInfo();
  if (attempt > 1) return `from ${heartbeatDetails}`;
  heartbeat(7);
  await cancelled();
  return 'the first attempt ended';
}

/** Reports until its heartbeat tells it to stop. */
export async function untilCancelled(ignore: boolean): Promise<string> {
  try {
    for (;;) {
      heartbeat();
      await sleep(50);
    }
  } catch (error) {
    if (ignore && Context.current().cancellationSignal.aborted) return 'finished anyway';
    throw error;
  }
}

export async function completedOutside(): Promise<string> {
  throw new CompleteAsyncError();
}
