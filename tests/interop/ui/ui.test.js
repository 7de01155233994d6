// The official Web UI, pointed at the server's binary and looked at with a headless Chromium.
'use strict';
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { Client, Connection } = require('@temporalio/client');
const {
  Server,
  answers,
  bundleWorkflows,
  eventually,
  freePort,
  startWorker,
  stopWorker,
} = require('../typescript/processes');
const { Browser } = require('./browser');

const server = new Server();
let worker;
let connection;
let client;
let ui; // the UI's process
let site;
let browser;

async function startUi() {
  const port = await freePort();
  const folder = path.join(server.folder, 'ui');
  fs.mkdirSync(path.join(folder, 'config'), { recursive: true });
  const settings = { temporalGrpcAddress: server.address, host: '127.0.0.1', port, enableUi: true };
  settings.cors = { allowOrigins: [`http://127.0.0.1:${port}`] };
  settings.disableNewsFetch = true;
  // JSON is YAML.
  fs.writeFileSync(path.join(folder, 'config', 'test.yaml'), JSON.stringify(settings));
  const flags = ['--root', folder, '--config', 'config', '--env', 'test', 'start'];
  const log = fs.openSync(path.join(server.folder, 'ui.log'), 'a');
  ui = spawn('setpriv', ['--pdeathsig', 'KILL', process.env.UI_SERVER, ...flags], {
    stdio: ['ignore', log, log],
  });
  await eventually('the Web UI', () => {
    if (ui.exitCode !== null) {
      throw new Error(fs.readFileSync(path.join(server.folder, 'ui.log'), 'utf8'));
    }
    return answers(port);
  });
  site = `http://127.0.0.1:${port}`;
}

before(async () => {
  const [bundle] = await Promise.all([bundleWorkflows(server), server.start()]);
  worker = await startWorker(server, 'shared', bundle);
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
  await startUi();
  browser = new Browser(path.join(server.folder, 'chromium'));
});

after(async () => {
  await browser?.close();
  await connection?.close();
  if (worker) await stopWorker(worker);
  if (ui && ui.exitCode === null) {
    const gone = once(ui, 'exit');
    ui.kill();
    await gone;
  }
  await server.stop();
  server.remove();
});

/** Opens a page and waits until its text matches all patterns. */
async function page(address, ...patterns) {
  const opened = await browser.open(site + address);
  let text = '';
  const shown = async () => {
    text = await opened.read();
    return patterns.every((pattern) => pattern.test(text));
  };
  await eventually('the page', shown, 60).catch(() => {
    assert.fail(`${address} does not show ${patterns.join(', ')}:\n${text}`);
  });
  return opened;
}

/** Clicks on the first thing of a page that is chosen so, can be used, and has such a text. */
async function click(opened, chosen, text = '') {
  const expression = `(() => {
    const all = [...document.querySelectorAll(${JSON.stringify(chosen)})];
    const one = all.find((e) => e.innerText.includes(${JSON.stringify(text)}) && !e.disabled);
    one?.click();
    return one !== undefined;
  })()`;
  await eventually(`${chosen} ${text}`, () => opened.evaluate(expression));
}

const start = (type, workflowId) =>
  client.workflow.start(type, { taskQueue: 'shared', workflowId, args: [] });

test('it lists workflows, running and completed', async () => {
  await (await start('usesLocalActivity', 'ui-completed')).result();
  await start('waitsForOutside', 'ui-waiting');
  await page('/namespaces/default/workflows', /ui-completed/, /ui-waiting/, /running/i, /completed/i);
});

test("it shows a workflow's history and result", async () => {
  const handle = await start('retriesActivity', 'ui-history');
  assert.equal(await handle.result(), 3);
  const { runId } = await handle.describe();
  const base = `/namespaces/default/workflows/ui-history/${runId}`;
  await page(`${base}/history`, /ui-history/, /completed/i, /failsTwice/, /Result\s+3\b/i);
});

test('it shows pending activities', async () => {
  const handle = await start('waitsForOutside', 'ui-pending');
  await eventually('the activity to start', async () =>
    (await handle.describe()).raw.pendingActivities.some((a) => a.lastStartedTime),
  );
  const { runId } = await handle.describe();
  const base = `/namespaces/default/workflows/ui-pending/${runId}`;
  await page(`${base}/pending-activities`, /ui-pending/, /completesLater/, /Started/i);
  await client.activity.complete({ workflowId: 'ui-pending', activityId: '1' }, 'done');
  await handle.result();
});

test("it shows a workflow's updates", async () => {
  const handle = await start('account', 'ui-account');
  assert.equal(await handle.executeUpdate('raise', { args: [40] }), 40);
  await assert.rejects(handle.executeUpdate('raise', { args: [13] }));
  const { runId } = await handle.describe();
  const base = `/namespaces/default/workflows/ui-account/${runId}`;
  const told = [/Workflow Execution Update Accepted/, /Workflow Execution Update Completed/, /raise/];
  await page(`${base}/history`, ...told, /Success 40/, /unlucky/);
  await handle.signal('finish');
  assert.equal(await handle.result(), 40);
});

test('it resets a workflow, and shows what became of it', async () => {
  const handle = await start('sums', 'ui-reset');
  await handle.signal('add', 40);
  assert.equal(await handle.query('total'), 40);
  const { runId } = await handle.describe();
  const base = `/namespaces/default/workflows/ui-reset/${runId}`;
  const opened = await page(`${base}/history`, /Workflow Task Completed/, /More Actions/);
  await click(opened, 'button', 'More Actions');
  await click(opened, '[role=menuitem][data-testid=reset-button]', 'Reset');
  const dialog = '[data-testid=reset-confirmation-modal]';
  await click(opened, `${dialog} [role=option]`, 'WorkflowTaskCompleted');
  await click(opened, `${dialog} [data-testid=confirm-modal-button]`);
  const current = client.workflow.getHandle('ui-reset');
  const after = await eventually('the new run', async () => {
    const described = await current.describe();
    return described.runId !== runId && described;
  });
  await page(`${base}/history`, /terminated/i);
  const address = `/namespaces/default/workflows/ui-reset/${after.runId}/history`;
  await page(address, /running/i, /Workflow Task Failed/, /Reset Workflow/i);
  await current.signal('finish');
  assert.equal(await current.result(), 40);
});

test('it shows batches', async () => {
  for (const id of ['ui-batch-1', 'ui-batch-2']) await start('waitsForOutside', id);
  await client.workflowService.startBatchOperation({
    namespace: 'default',
    jobId: 'ui-job',
    reason: 'a test of the UI',
    visibilityQuery: "WorkflowId STARTS_WITH 'ui-batch-'",
    terminationOperation: { identity: 'test' },
  });
  await page('/namespaces/default/batch-operations', /ui-job/, /TERMINATE/, /COMPLETED/);
  const told = [/COMPLETED/, /a test of the UI/, /100% complete/, /2 succeeded/, /0 failed/];
  await page('/namespaces/default/batch-operations/ui-job', ...told);
  await page('/namespaces/default/workflows', /ui-batch-1/, /ui-batch-2/, /terminated/i);
});
