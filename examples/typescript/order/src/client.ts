// The order's client: start ID, status ID, approve ID [NAME], result ID, history ID.
import { Client, Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { approve, order, status } from './workflows';

const commands: Record<string, (client: Client, id: string, rest: string[]) => Promise<void>> = {
  async start(client, id) {
    await client.workflow.start(order, {
      workflowId: id,
      taskQueue: 'orders',
      args: [{ id, item: 'a fountain pen', amount: 42 }],
    });
    console.log(`started ${id}`);
  },
  async status(client, id) {
    console.log(await client.workflow.getHandle(id).query(status));
  },
  async approve(client, id, [by = 'alice']) {
    await client.workflow.getHandle(id).signal(approve, by);
    console.log(`${by} approved ${id}`);
  },
  async result(client, id) {
    console.log(JSON.stringify(await client.workflow.getHandle<typeof order>(id).result()));
  },
  async history(client, id) {
    const { events } = await client.workflow.getHandle(id).fetchHistory();
    for (const event of events ?? []) {
      const number = String(event.eventId).padStart(4);
      const name = nameOf(event).padEnd(26);
      console.log(`${number}  ${timeOf(event)}  ${name}  ${detailOf(event)}`.trimEnd());
    }
  },
};

type Event = temporal.api.history.v1.IHistoryEvent;

function timeOf(event: Event): string {
  const seconds = Number(event.eventTime?.seconds ?? 0);
  const millis = seconds * 1000 + Math.floor((event.eventTime?.nanos ?? 0) / 1e6);
  return new Date(millis).toISOString().slice(11, 23);
}

/** EVENT_TYPE_TIMER_FIRED is TimerFired. */
function nameOf(event: Event): string {
  return temporal.api.enums.v1.EventType[event.eventType ?? 0]
    .replace('EVENT_TYPE_', '')
    .toLowerCase()
    .replace(/(^|_)(.)/g, (_all, _mark, letter: string) => letter.toUpperCase());
}

/** What the event is about, in a word or two. */
function detailOf(event: Event): string {
  const started = event.activityTaskStartedEventAttributes;
  const timer = event.timerStartedEventAttributes;
  if (started) {
    const failed = started.lastFailure?.message;
    return failed ? `attempt ${started.attempt}, after: ${failed}` : `attempt ${started.attempt}`;
  }
  return (
    event.activityTaskScheduledEventAttributes?.activityType?.name ??
    event.workflowExecutionSignaledEventAttributes?.signalName ??
    event.workflowExecutionStartedEventAttributes?.workflowType?.name ??
    (timer ? `${timer.startToFireTimeout?.seconds} s` : '')
  );
}

async function main(): Promise<void> {
  const [command = '', id = '', ...rest] = process.argv.slice(2);
  if (!(command in commands) || !id) {
    throw new Error('usage: npm run order -- start|status|approve|result|history ID [NAME]');
  }
  const connection = await Connection.connect({
    address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233',
  });
  await commands[command](new Client({ connection }), id, rest);
  await connection.close();
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
