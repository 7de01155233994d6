// A headless Chromium, driven through its debugging pipe: one JSON message, one NUL byte.
'use strict';
const { spawn } = require('node:child_process');
const { once } = require('node:events');

class Browser {
  #next = 0;
  #waiting = new Map();

  constructor(profile) {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
    flags.push('--remote-debugging-pipe', '--window-size=1600,2000', `--user-data-dir=${profile}`);
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', 'chromium', ...flags], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.process.once('exit', () => this.#fail(new Error('Chromium ended')));
    let rest = '';
    this.process.stdio[4].setEncoding('utf8').on('data', (chunk) => {
      const messages = (rest + chunk).split('\0');
      rest = messages.pop();
      for (const message of messages) this.#receive(JSON.parse(message));
    });
  }

  #receive({ id, result, error }) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result);
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  call(method, params = {}, sessionId = undefined) {
    const id = ++this.#next;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Opens a page; `read` gives the text which it shows now, `evaluate` what an expression is there. */
  async open(url) {
    const { targetId } = await this.call('Target.createTarget', { url });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const evaluate = async (expression) => {
      const told = await this.call('Runtime.evaluate', { expression }, sessionId);
      return told.result.value;
    };
    const read = async () => {
      const text = await evaluate('document.body ? document.body.innerText : ""');
      return String(text).replace(/\s+/g, ' ');
    };
    return { evaluate, read };
  }

  async close() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    this.call('Browser.close').catch(() => undefined);
    await gone;
  }
}

module.exports = { Browser };
