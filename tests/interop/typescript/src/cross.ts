// The cross-language part: what this language offers to the others, and how it calls theirs.
import { ApplicationFailure } from '@temporalio/common';
import type { Message } from 'protobufjs/light';
import { WorkflowExecution } from './payload_converter';
import { Stage, chain, language } from './stage';
import * as workflows from './workflows';

/** What workflows of the other languages call. */
export const crossActivities = {
  async CrossEcho(value: unknown): Promise<unknown> {
    return [value, language];
  },
  async CrossRefuse(): Promise<void> {
    throw ApplicationFailure.nonRetryable('no', 'Refused');
  },
  async CrossBytes(bytes: Uint8Array): Promise<Uint8Array> {
    return Uint8Array.from(bytes).reverse();
  },
  async CrossMessage(message: Message): Promise<Message> {
    const { workflowId } = message as unknown as { workflowId: string };
    return WorkflowExecution.create({ workflowId, runId: language });
  },
  async CrossNothing(nothing: unknown): Promise<undefined> {
    if (nothing !== undefined && nothing !== null) throw ApplicationFailure.nonRetryable('something');
  },
};

export const crossQueue = (peer: string): string => `cross-${peer}`;

type Meeting = (s: Stage, queue: string) => Promise<unknown>;

/** What is tried with each of the others, under the names of the list. */
export const meetings: Record<string, Meeting> = {
  'cross/activity': async (s, queue) => {
    const value = { text: 'ÄÖ \u2603', list: [1, 2.5, null] };
    return await s.execute(workflows.CrossActivity, [queue, value], own);
  },
  'cross/failure': async (s, queue) => await s.execute(workflows.CrossRefused, [queue], own).catch(chain),
  'cross/payloads': async (s, queue) => await s.execute(workflows.CrossPayloads, [queue], own),
  'cross/child': async (s, queue) => await s.execute(workflows.CrossChild, [queue, 'given'], own),
  'cross/messages': async (s, taskQueue) => {
    const options = s.options(['client'], { taskQueue });
    const handle = await s.client.workflow.start('CrossCollect', options);
    const raised = await handle.executeUpdate('raise', { args: [40] });
    const rejected = await handle.executeUpdate('raise', { args: [-1] }).catch(chain);
    await handle.signal('add', 2);
    const sum = await handle.query('sum');
    await handle.signal('finish');
    return [raised, rejected, sum, await handle.result()];
  },
};

const own = { taskQueue: crossQueue(language) };
