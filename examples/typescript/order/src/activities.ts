// Plain functions that touch the world. They may fail and are tried again.
import { activityInfo, log } from '@temporalio/activity';
import type { Order } from './workflows';

/** Charges the card. The card service is moody: the first attempt always fails. */
export async function chargeCard(order: Order): Promise<string> {
  const { attempt } = activityInfo();
  if (attempt === 1) {
    throw new Error('the card service did not answer');
  }
  log.info('charged', { order: order.id, amount: order.amount, attempt });
  return `charge-${order.id}`;
}

export async function refund(chargeId: string): Promise<void> {
  log.info('refunded', { chargeId });
}

export async function ship(order: Order): Promise<string> {
  log.info('shipped', { order: order.id, item: order.item });
  return `parcel-${order.id}`;
}
