// The server and the workers that a test starts, and the ports they use.
'use strict';
const { fork, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { DefaultLogger, bundleWorkflowCode } = require('@temporalio/worker');

const binary = process.env.REPRISE_BINARY;

async function freePort() {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

/** Polls until `check` gives something true; fails with `what` after `seconds`. */
async function eventually(what, check, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`gave up after ${seconds} s waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true) || socket.destroy());
    socket.once('error', () => resolve(false));
  });
}

class Server {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'reprise-interop-'));
  }

  async start() {
    this.port ??= await freePort();
    this.metrics ??= await freePort();
    this.log = fs.openSync(path.join(this.folder, 'server.log'), 'a');
    const flags = ['--ip', '127.0.0.1', '--port', this.port, '--headless'];
    flags.push('--metrics-port', this.metrics, '--log-level', 'warn');
    flags.push('--db-filename', path.join(this.folder, 'store.db'));
    flags.push('--search-attribute', 'InteropKeyword=Keyword');
    const command = ['--pdeathsig', 'KILL', binary, 'server', 'start-dev', ...flags.map(String)];
    this.process = spawn('setpriv', command, {
      stdio: ['ignore', this.log, this.log],
    });
    await eventually('the server', () => {
      if (this.process.exitCode !== null) throw new Error(`the server ended\n${this.output()}`);
      return answers(this.port);
    });
  }

  get address() {
    return `127.0.0.1:${this.port}`;
  }

  output() {
    return fs.readFileSync(path.join(this.folder, 'server.log'), 'utf8');
  }

  async stop(signal = 'SIGTERM') {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    this.process.kill(signal);
    await gone;
    fs.closeSync(this.log);
  }

  remove() {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bundles workflows.js into a file of the server's folder, for any number of workers. */
async function bundleWorkflows(server) {
  const logger = new DefaultLogger('ERROR');
  const workflowsPath = require.resolve('./workflows');
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  const bundle = path.join(server.folder, 'workflows.bundle.js');
  fs.writeFileSync(bundle, code);
  return bundle;
}

/** Forks a worker and resolves once it polls. */
async function startWorker(server, queue, bundle) {
  const worker = fork(path.join(__dirname, 'worker.js'), [server.address, queue, bundle], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const started = await Promise.race([
    once(worker, 'message').then(() => true),
    once(worker, 'exit').then(() => false),
  ]);
  if (!started) throw new Error(`the worker ended\n${server.output()}`);
  return worker;
}

async function stopWorker(worker, signal = 'SIGTERM') {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const gone = once(worker, 'exit');
  worker.kill(signal);
  await gone;
}

module.exports = { Server, bundleWorkflows, eventually, freePort, answers, startWorker, stopWorker };
