// What the other languages call, under the names that all of them use.
import * as wf from '@temporalio/workflow';
import { WorkflowExecution } from '../payload_converter';
import type { crossActivities } from '../cross';

const finish = wf.defineSignal('finish');

/** Calls another language's activity. */
export async function CrossActivity(queue: string, value: unknown): Promise<unknown> {
  const peer = wf.proxyActivities<typeof crossActivities>({
    taskQueue: queue,
    startToCloseTimeout: '30s',
  });
  return await peer.CrossEcho(value);
}

/** Bytes, a message of protobuf and nothing at all, to another language and back. */
export async function CrossPayloads(queue: string): Promise<unknown> {
  const peer = wf.proxyActivities<typeof crossActivities>({
    taskQueue: queue,
    startToCloseTimeout: '30s',
  });
  const bytes = await peer.CrossBytes(new Uint8Array([0, 1, 255]));
  const message = await peer.CrossMessage(WorkflowExecution.create({ workflowId: 'w', runId: 'r' }));
  const nothing = await peer.CrossNothing(undefined);
  const { workflowId, runId } = message as unknown as Record<string, string>;
  return { bytes: Array.from(bytes), message: [workflowId, runId], nothing: nothing === undefined };
}

/** Calls an activity that refuses, in another language. */
export async function CrossRefused(queue: string): Promise<void> {
  const peer = wf.proxyActivities<typeof crossActivities>({
    taskQueue: queue,
    startToCloseTimeout: '30s',
  });
  await peer.CrossRefuse();
}

/** Starts a child in another language, signals it and waits for what it collected. */
export async function CrossChild(queue: string, value: unknown): Promise<unknown> {
  const child = await wf.startChild('CrossCollect', {
    taskQueue: queue,
    workflowId: `${wf.workflowInfo().workflowId}/child`,
    args: [value],
  });
  await child.signal('add', 40);
  await child.signal('add', 2);
  await child.signal('finish');
  return await child.result();
}

/** Collects, and is a child, an updated and a queried one. */
export async function CrossCollect(value: unknown): Promise<unknown> {
  let sum = 0;
  let done = false;
  wf.setHandler(wf.defineSignal<[number]>('add'), (more) => {
    sum += more;
  });
  wf.setHandler(wf.defineQuery<number>('sum'), () => sum);
  wf.setHandler(
    wf.defineUpdate<number, [number]>('raise'),
    (more) => {
      sum += more;
      return sum;
    },
    {
      validator: (more) => {
        if (more <= 0) throw wf.ApplicationFailure.create({ message: 'too little', type: 'Refused' });
      },
    },
  );
  wf.setHandler(finish, () => {
    done = true;
  });
  await wf.condition(() => done);
  return [value, sum, 'typescript'];
}
