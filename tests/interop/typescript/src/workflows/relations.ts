// Workflows that start others, or reach them.
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import * as wf from '@temporalio/workflow';
import { add, collects, finish } from './messages';

const childId = (): string => `${wf.workflowInfo().workflowId}/child`;

export async function addsOne(value: number): Promise<number> {
  return value + 1;
}

export async function failsAsChild(): Promise<void> {
  throw wf.ApplicationFailure.create({ message: 'no', type: 'Refused', nonRetryable: true });
}

export async function sleepsForHours(): Promise<void> {
  await wf.sleep('8h');
}

export async function succeedsAt(attempt: number): Promise<number> {
  const now = wf.workflowInfo().attempt;
  if (now < attempt) throw wf.ApplicationFailure.create({ message: `attempt ${now}`, type: 'Flaky' });
  return now;
}

export async function countsToZero(left: number, runs: number): Promise<number> {
  if (left > 0) await wf.continueAsNew<typeof countsToZero>(left - 1, runs + 1);
  return runs;
}

export async function tellsRelations(): Promise<[string?, string?]> {
  const { parent, root } = wf.workflowInfo();
  return [parent?.workflowId, root?.workflowId];
}

export async function hasChild(): Promise<number> {
  return await wf.executeChild(addsOne, { workflowId: childId(), args: [41] });
}

export async function hasFailingChild(): Promise<void> {
  await wf.executeChild(failsAsChild, { workflowId: childId() });
}

export async function cancelsChild(): Promise<string> {
  const scope = new wf.CancellationScope();
  const child = await scope.run(() => wf.startChild(sleepsForHours, { workflowId: childId() }));
  scope.cancel();
  try {
    await child.result();
    return 'slept';
  } catch (error) {
    if (wf.isCancellation(error)) return 'canceled';
    throw error;
  }
}

export async function hasSlowChild(): Promise<void> {
  await wf.executeChild(sleepsForHours, { workflowId: childId(), workflowRunTimeout: '1s' });
}

/** Waits for a child that somebody else ends. */
export async function hasLongChild(): Promise<void> {
  await wf.executeChild(sleepsForHours, { workflowId: childId() });
}

export async function startsChildTwice(): Promise<string> {
  await wf.startChild(sleepsForHours, { workflowId: childId() });
  try {
    await wf.startChild(sleepsForHours, { workflowId: childId() });
    return 'started';
  } catch (error) {
    return error instanceof WorkflowExecutionAlreadyStartedError ? 'already started' : String(error);
  }
}

export async function leavesChild(parentClosePolicy: wf.ParentClosePolicy): Promise<void> {
  await wf.startChild(sleepsForHours, { workflowId: childId(), parentClosePolicy });
}

export async function signalsChild(): Promise<number[]> {
  const child = await wf.startChild(collects, { workflowId: childId() });
  await child.signal(add, 1);
  await child.signal(add, 2);
  await child.signal(finish);
  return await child.result();
}

export async function retriesChild(): Promise<number> {
  const retry = { initialInterval: '20ms', maximumAttempts: 3 };
  return await wf.executeChild(succeedsAt, { workflowId: childId(), args: [2], retry });
}

export async function hasManyChildren(count: number): Promise<number> {
  const children = Array.from({ length: count }, (_, value) =>
    wf.executeChild(addsOne, { workflowId: `${childId()}-${value}`, args: [value] }),
  );
  return (await Promise.all(children)).reduce((sum, part) => sum + part, 0);
}

export async function hasContinuedChild(): Promise<number> {
  return await wf.executeChild(countsToZero, { workflowId: childId(), args: [2, 1] });
}

export async function asksChildForRelations(): Promise<boolean[]> {
  const told = await wf.executeChild(tellsRelations, { workflowId: childId() });
  return told.map((relative) => relative === wf.workflowInfo().workflowId);
}

export async function tellsPriority(): Promise<number | undefined> {
  return wf.workflowInfo().priority?.priorityKey;
}

export async function asksChildForPriority(): Promise<(number | undefined)[]> {
  const own = wf.workflowInfo().priority?.priorityKey;
  return [own, await wf.executeChild(tellsPriority, { workflowId: childId() })];
}

export async function signalsExternal(workflowId: string): Promise<string> {
  const other = wf.getExternalWorkflowHandle(workflowId);
  await other.signal(add, 7);
  await other.signal(finish);
  return 'sent';
}

export async function cancelsExternal(workflowId: string): Promise<string> {
  await wf.getExternalWorkflowHandle(workflowId).cancel();
  return 'sent';
}
