// Runs the order's workflow and activities for whichever server TEMPORAL_ADDRESS names.
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  makeTelemetryFilterString,
} from '@temporalio/worker';
import * as activities from './activities';

export const taskQueue = 'orders';

async function main(): Promise<void> {
  // The SDK's core warns of every poll that it tries again while the server is away.
  const logging = { filter: makeTelemetryFilterString({ core: 'ERROR' }), forward: {} };
  Runtime.install({ logger: new DefaultLogger('WARN'), telemetryOptions: { logging } });
  const connection = await NativeConnection.connect({
    address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233',
  });
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: require.resolve('./workflows'),
    activities,
  });
  console.log(`worker: waiting for orders on the queue '${taskQueue}'`);
  await worker.run();
  await connection.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
