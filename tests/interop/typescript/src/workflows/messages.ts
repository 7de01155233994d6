// Workflows that are sent signals, queries and updates.
import * as wf from '@temporalio/workflow';
import type * as activities from '../activities';

const act = wf.proxyActivities<typeof activities>({ startToCloseTimeout: '30s' });

export const add = wf.defineSignal<[number]>('add');
export const finish = wf.defineSignal('finish');
export const values = wf.defineQuery<number[]>('values');
export const broken = wf.defineQuery<void>('broken');

/** Collects what signals bring until it is told to finish. */
export async function collects(): Promise<number[]> {
  const collected: number[] = [];
  let done = false;
  wf.setHandler(add, (value) => {
    collected.push(value);
  });
  wf.setHandler(finish, () => {
    done = true;
  });
  wf.setHandler(values, () => collected);
  wf.setHandler(broken, () => {
    throw new Error('cannot say');
  });
  await wf.condition(() => done);
  return collected;
}

export const raise = wf.defineUpdate<number, [number]>('raise');
export const raiseLater = wf.defineUpdate<number, [number]>('raiseLater');
export const raiseDoubled = wf.defineUpdate<number, [number]>('raiseDoubled');
export const proceed = wf.defineSignal('proceed');
export const balance = wf.defineQuery<number>('balance');

/** A balance: raised by updates, which refuse what makes no sense and may take a while. */
export async function account(waitForHandlers: boolean): Promise<number> {
  let sum = 0;
  let done = false;
  let proceeds = false;
  const validator = (amount: number): void => {
    if (amount <= 0) throw wf.ApplicationFailure.create({ message: 'too little', type: 'Refused' });
  };
  const plain = (amount: number): number => {
    if (amount === 13) throw wf.ApplicationFailure.create({ message: 'unlucky', type: 'Unlucky' });
    sum += amount;
    return sum;
  };
  wf.setHandler(raise, plain, { validator });
  wf.setHandler(raiseLater, async (amount) => {
    await wf.condition(() => proceeds);
    return plain(amount);
  });
  wf.setHandler(raiseDoubled, async (amount) => plain(await act.double(amount)));
  wf.setHandler(proceed, () => {
    proceeds = true;
  });
  wf.setHandler(balance, () => sum);
  wf.setHandler(finish, () => {
    done = true;
  });
  await wf.condition(() => done && (!waitForHandlers || wf.allHandlersFinished()));
  return sum;
}
