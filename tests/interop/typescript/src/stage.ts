// What a scenario works with: a client, workers, and the histories of what it started.
import { inspect } from 'node:util';
import * as proto from '@temporalio/proto';
import {
  Client,
  QueryRejectedError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowStartOptions,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
  Workflow,
} from '@temporalio/common';
import { NativeConnection, Worker, WorkerOptions, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import * as activities from './activities';

export const language = 'typescript';
export const dataConverter = { payloadConverterPath: require.resolve('./payload_converter') };

type Event = proto.temporal.api.history.v1.IHistoryEvent;
type Options = Partial<WorkflowStartOptions>;
export type Runs = (stage: Stage) => Promise<unknown>;

const scenarios = new Map<string, Runs>();

export function scenario(name: string, run: Runs): void {
  if (scenarios.has(name)) throw new Error(`${name} is there twice`);
  scenarios.set(name, run);
}

export function allScenarios(): ReadonlyMap<string, Runs> {
  return scenarios;
}

/** Polls until `check` gives something true. */
export async function eventually<T>(check: () => Promise<T>): Promise<T> {
  for (;;) {
    const value = await check();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** A failure as every language tells it: one text for each error of the chain. */
export function chain(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { cause } = error as { cause?: unknown };
  if (error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError) {
    return chain(cause);
  }
  return [link(error), ...chain(cause)];
}

function link(error: Error): string {
  if (error instanceof ActivityFailure) return 'activity';
  if (error instanceof ChildWorkflowFailure) return 'child';
  if (error instanceof ApplicationFailure) return `application(${error.type}: ${error.message})`;
  if (error instanceof TimeoutFailure) return `timeout(${error.timeoutType})`;
  if (error instanceof CancelledFailure) return 'cancelled';
  if (error instanceof TerminatedFailure) return 'terminated';
  return plain(error);
}

/** An error of a call as every language tells it. */
export function plain(error: unknown): string {
  if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already started';
  if (error instanceof WorkflowNotFoundError) return 'not found';
  if (error instanceof QueryRejectedError) return 'query rejected';
  return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error);
}

/** The chain of the error that the promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<string[]> {
  return await promise.then(
    (value) => [`no failure but ${inspect(value)}`],
    (error) => chain(error),
  );
}

/** The kind of error that the promise fails with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'accepted',
    (error) => plain(error),
  );
}

export interface World {
  client: Client;
  connection: NativeConnection;
  workflowBundle: WorkflowBundleWithSourceMap;
}

export class Stage {
  readonly queue = language;
  private counter = 0;
  private readonly workers: Array<() => Promise<void>> = [];

  constructor(
    readonly world: World,
    readonly name: string,
  ) {}

  get client(): Client {
    return this.world.client;
  }

  /** An id that begins with the scenario's name. */
  nextId(): string {
    return `${language}/${this.name}/${++this.counter}`;
  }

  options(args: unknown[] = [], more: Options = {}): WorkflowStartOptions {
    return { taskQueue: this.queue, workflowId: this.nextId(), args, ...more } as WorkflowStartOptions;
  }

  async start<T extends Workflow>(type: T, args: Parameters<T>, more: Options = {}) {
    return await this.client.workflow.start<T>(type, this.options(args, more) as WorkflowStartOptions<T>);
  }

  async execute<T extends Workflow>(type: T, args: Parameters<T>, more: Options = {}) {
    return await this.client.workflow.execute<T>(type, this.options(args, more) as WorkflowStartOptions<T>);
  }

  async events(handle: WorkflowHandle): Promise<Event[]> {
    const { events } = await handle.fetchHistory();
    return (events ?? []) as Event[];
  }

  /** How many events of a type a workflow has, for example TIMER_FIRED. */
  async count(handle: WorkflowHandle, type: string): Promise<number> {
    return (await this.events(handle)).filter((event) => typeOf(event) === type).length;
  }

  async status(handle: WorkflowHandle): Promise<string> {
    const { name } = (await handle.describe()).status;
    return name === 'CANCELLED' ? 'CANCELED' : name;
  }

  handle(workflowId: string, runId?: string): WorkflowHandle {
    return this.client.workflow.getHandle(workflowId, runId);
  }

  /** Waits until a workflow's activity runs. */
  async activityStarted(handle: WorkflowHandle): Promise<void> {
    await eventually(async () => {
      const { raw } = await handle.describe();
      return raw.pendingActivities?.some((activity) => activity.lastStartedTime);
    });
  }

  /** A worker beside the one that all scenarios share; ends with the scenario, or before. */
  async worker(taskQueue: string, more: Partial<WorkerOptions> = {}): Promise<() => Promise<void>> {
    const worker = await createWorker(this.world, taskQueue, more);
    const running = worker.run();
    const stop = async (): Promise<void> => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
    };
    this.workers.push(stop);
    return stop;
  }

  async close(): Promise<void> {
    for (const stop of this.workers) await stop();
  }
}

export function typeOf(event: Event): string {
  return proto.temporal.api.enums.v1.EventType[event.eventType!].replace('EVENT_TYPE_', '');
}

export async function createWorker(
  world: World,
  taskQueue: string,
  more: Partial<WorkerOptions> = {},
): Promise<Worker> {
  return await Worker.create({
    connection: world.connection,
    taskQueue,
    workflowBundle: world.workflowBundle,
    activities,
    dataConverter,
    stickyQueueScheduleToStartTimeout: '2s',
    maxHeartbeatThrottleInterval: '100ms',
    defaultHeartbeatThrottleInterval: '100ms',
    shutdownGraceTime: '1s',
    ...more,
  });
}
