// Runs the scenarios against a server, and prints a line of JSON for each.
//   node main.js scenarios ADDRESS            every scenario, then the replays
//   node main.js cross ADDRESS PEER...        offers a worker until standard input ends; meets the
//                                             peers when a line comes in
import { createInterface } from 'node:readline';
import { Client, Connection } from '@temporalio/client';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  bundleWorkflowCode,
  makeTelemetryFilterString,
} from '@temporalio/worker';
import './cases/activities';
import './cases/messages';
import './cases/relations';
import './cases/life';
import './cases/data';
import { crossActivities, crossQueue, meetings } from './cross';
import {
  Runs,
  Stage,
  World,
  allScenarios,
  createWorker,
  dataConverter,
  language,
} from './stage';

const atOnce = 10;
const limitMs = 60_000;

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function runOne(world: World, name: string, run: Runs, more: object = {}): Promise<void> {
  const stage = new Stage(world, name);
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('took too long')), limitMs);
  });
  try {
    const result = await Promise.race([run(stage), tooLong]);
    print({ scenario: name, ...more, result: result === undefined ? null : result });
  } catch (error) {
    print({ scenario: name, ...more, error: (error as Error).stack ?? String(error) });
  } finally {
    clearTimeout(timer);
    await stage.close();
  }
}

async function runAll(world: World, only: string): Promise<void> {
  const waiting = [...allScenarios()].filter(([name]) => name.includes(only));
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await runOne(world, ...next);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Replays every history that the scenarios left, and tells how many each of them had. */
async function replay(world: World): Promise<void> {
  const counts = new Map<string, { histories: number; failures: string[] }>();
  const list = world.client.workflow.list({ query: `WorkflowId STARTS_WITH '${language}/'` });
  const options = { workflowBundle: world.workflowBundle, dataConverter };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, list.intoHistories())) {
    const name = workflowId.split('/').slice(1, 3).join('/');
    const count = counts.get(name) ?? { histories: 0, failures: [] };
    counts.set(name, count);
    count.histories += 1;
    if (error) count.failures.push(`${workflowId}: ${error}`);
  }
  for (const [scenario, count] of counts) print({ replay: scenario, ...count });
}

async function runScenarios(world: World, only: string): Promise<void> {
  print({ sdk: require('@temporalio/worker/package.json').version });
  const worker = await createWorker(world, language);
  await worker.runUntil(async () => {
    await runAll(world, only);
    await replay(world);
  });
}

async function runCross(world: World, peers: string[]): Promise<void> {
  const worker = await createWorker(world, crossQueue(language), { activities: crossActivities });
  await worker.runUntil(async () => {
    print({ ready: language });
    for await (const _ of createInterface({ input: process.stdin })) {
      for (const peer of peers) {
        for (const [name, meet] of Object.entries(meetings)) {
          await runOne(world, name, (stage) => meet(stage, crossQueue(peer)), { peer });
        }
      }
      print({ done: language });
    }
  });
}

async function main(): Promise<void> {
  const [what, address, ...rest] = process.argv.slice(2);
  const logging = { filter: makeTelemetryFilterString({ core: 'ERROR' }), forward: {} };
  const logger = new DefaultLogger('ERROR', () => undefined);
  Runtime.install({ logger, telemetryOptions: { logging } });
  const nativeConnection = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  // The worker's own connection serves this client, so that a start can be eager.
  const client = new Client({ connection: nativeConnection, dataConverter });
  const workflowsPath = require.resolve('./workflows');
  const { payloadConverterPath } = dataConverter;
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger });
  const world = { client, connection: nativeConnection, workflowBundle };
  await (what === 'cross' ? runCross(world, rest) : runScenarios(world, rest[0] ?? ''));
  await connection.close();
  await nativeConnection.close();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
