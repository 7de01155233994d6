// An order: charge the card, wait for somebody's approval, a moment to change one's mind, ship.
// It may run for days; the server may die at any line, and it goes on where it was.
import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  proxyActivities,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type * as activities from './activities';

export interface Order {
  id: string;
  item: string;
  amount: number;
}

export interface Receipt {
  order: string;
  charge: string;
  approvedBy: string;
  parcel: string;
}

export const approve = defineSignal<[string]>('approve');
export const status = defineQuery<string>('status');

const { chargeCard, refund, ship } = proxyActivities<typeof activities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '200 milliseconds', maximumAttempts: 5 },
});

export async function order(input: Order): Promise<Receipt> {
  let state = 'charging the card';
  let approvedBy = '';
  setHandler(status, () => state);
  setHandler(approve, (by: string) => {
    approvedBy = by;
  });

  const charge = await chargeCard(input);
  state = 'waiting for approval';
  if (!(await condition(() => approvedBy !== '', '24 hours'))) {
    await refund(charge);
    throw ApplicationFailure.nonRetryable(`nobody approved ${input.id}`, 'approval_timeout');
  }
  state = `approved by ${approvedBy}, cooling off`;
  await sleep('1 second');
  state = 'shipping';
  const parcel = await ship(input);
  state = 'shipped';
  return { order: input.id, charge, approvedBy, parcel };
}
