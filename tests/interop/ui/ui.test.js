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
  const read = await browser.open(site + address);
  let text = '';
  const shown = async () => {
    text = await read();
    return patterns.every((pattern) => pattern.test(text));
  };
  await eventually('the page', shown, 40).catch(() => {
    assert.fail(`${address} does not show ${patterns.join(', ')}:\n${text}`);
  });
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
