// Workflows about the life of a workflow, its payloads and its code.
import { defineSearchAttributeKey } from '@temporalio/common';
import * as wf from '@temporalio/workflow';
import type * as activities from '../activities';
import { values } from './messages';

const act = wf.proxyActivities<typeof activities>({ startToCloseTimeout: '30s' });

export async function continuesWithAttributes(first: boolean): Promise<unknown> {
  if (first) await wf.continueAsNew<typeof continuesWithAttributes>(false);
  const { memo, typedSearchAttributes } = wf.workflowInfo();
  const keyword = typedSearchAttributes.get(defineSearchAttributeKey('InteropKeyword', 'KEYWORD'));
  return { memo: memo?.note, keyword };
}

/** A run of a cron: one more than the run before. */
export async function countsRuns(): Promise<number> {
  const count = ((wf.workflowInfo().lastResult as number | undefined) ?? 0) + 1;
  wf.setHandler(values, () => [count]);
  return count;
}

export async function failsItsTask(): Promise<void> {
  throw new TypeError('not a failure of the workflow');
}

export async function cleansUp(): Promise<void> {
  try {
    await wf.sleep('1h');
  } catch (error) {
    await wf.CancellationScope.nonCancellable(() => act.double(1));
    throw error;
  }
}

export async function ignoresCancellation(): Promise<string> {
  try {
    await wf.sleep('1h');
  } catch (error) {
    if (!wf.isCancellation(error)) throw error;
  }
  return 'finished anyway';
}

export async function failsWithCauses(): Promise<void> {
  throw wf.ApplicationFailure.create({
    message: 'outer',
    type: 'Outer',
    nonRetryable: true,
    details: [1, { two: [3] }],
    cause: wf.ApplicationFailure.create({ message: 'inner', type: 'Inner' }),
  });
}

export async function echoes(value: unknown): Promise<unknown> {
  return value;
}

export async function measures(text: string): Promise<[number, string]> {
  return [text.length, text];
}

export async function annotates(keyword: string): Promise<void> {
  wf.upsertSearchAttributes([
    { key: defineSearchAttributeKey('InteropKeyword', 'KEYWORD'), value: keyword },
  ]);
  wf.upsertMemo({ note: keyword });
  await wf.sleep(1);
}

export async function sleepsOnce(): Promise<string> {
  await wf.sleep(1);
  return 'slept';
}

/** What sleepsOnce became: runs from before the patch still sleep. */
export async function greetsSinceThePatch(): Promise<string> {
  if (wf.patched('greets')) return await act.greet('patched');
  await wf.sleep(1);
  return 'slept';
}
