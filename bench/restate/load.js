// Calls a handler of service.js through Restate's HTTP ingress, N in flight, and prints one line of
// JSON in the shape of the yardstick's.
// usage: node load.js INGRESS-PORT HANDLER COUNT IN-FLIGHT SERVER-PID
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

const [port, handler, count, inFlight, pid] = [2, 3, 4, 5, 6].map((i) => process.argv[i]);
const agent = new Agent({ keepAlive: true, maxSockets: Number(inFlight) });
const body = '"hello"';
const headers = { 'content-type': 'application/json', 'content-length': body.length };

function call() {
  return new Promise((resolve, reject) => {
    const options = { port, path: `/bench/${handler}`, method: 'POST', agent, headers };
    const out = request(options, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part));
      answer.on('end', () =>
        text === body ? resolve() : reject(new Error(`${answer.statusCode}: ${text}`)));
    });
    out.on('error', reject);
    out.end(body);
  });
}

// Fields 14 and 15 are user and system time in hundredths of a second; the second one is the name.
function cpuSeconds() {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentMb() {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

async function run(howMany) {
  const latencies = [];
  let begun = 0;
  const lane = async () => {
    while (begun++ < howMany) {
      const start = performance.now();
      await call();
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: Number(inFlight) }, lane));
  return latencies.sort((a, b) => a - b);
}

await run(200);
const cpu = cpuSeconds();
const start = performance.now();
const latencies = await run(Number(count));
const seconds = (performance.now() - start) / 1000;
const percentile = (part) => latencies[Math.floor((latencies.length - 1) * part)];
console.log(
  JSON.stringify({
    kind: handler,
    n: latencies.length,
    fails: 0,
    per_s: latencies.length / seconds,
    p50_ms: percentile(0.5),
    p99_ms: percentile(0.99),
    server_cpu_ms: ((cpuSeconds() - cpu) * 1000) / latencies.length,
    server_rss_mb: residentMb(),
  }),
);
process.exit(0);
