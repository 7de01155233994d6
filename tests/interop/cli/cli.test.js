// The official command-line client against the server's binary, command by command.
'use strict';
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { after, before, describe, test } = require('node:test');
const { promisify } = require('node:util');
const {
  Server,
  bundleWorkflows,
  eventually,
  startWorker,
  stopWorker,
} = require('../typescript/processes');

const server = new Server();
let worker;

before(async () => {
  const [bundle] = await Promise.all([bundleWorkflows(server), server.start()]);
  worker = await startWorker(server, 'shared', bundle);
});

after(async () => {
  if (worker) await stopWorker(worker);
  await server.stop();
  server.remove();
});

async function cli(...args) {
  const all = [...args, '--address', server.address, '--color', 'never'];
  const environment = { ...process.env, TEMPORAL_ENV_FILE: '/dev/null' };
  const { stdout } = await promisify(execFile)(process.env.TEMPORAL_CLI, all, {
    env: environment,
    timeout: 30000,
  });
  return stdout;
}

/** What a command that fails prints. */
async function refusal(...args) {
  const error = await cli(...args).then(
    (printed) => assert.fail(`it succeeded: ${printed}`),
    (thrown) => thrown,
  );
  assert.equal(error.killed, false, 'it took too long');
  return error.stdout + error.stderr;
}

const json = async (...args) => JSON.parse(await cli(...args, '--output', 'json'));

const start = (id, type, ...args) =>
  json('workflow', 'start', '--workflow-id', id, '--type', type, '--task-queue', 'shared', ...args);

describe('workflow', { concurrency: true }, () => {
  test('start, signal, query, result, show, describe', async () => {
    const { runId } = await start('cli-sums', 'sums');
    const on = ['--workflow-id', 'cli-sums'];
    await cli('workflow', 'signal', ...on, '--name', 'add', '--input', '40');
    await cli('workflow', 'signal', ...on, '--name', 'add', '--input', '2');
    const query = await json('workflow', 'query', ...on, '--name', 'total');
    assert.deepEqual(query.queryResult, [42]);
    await cli('workflow', 'signal', ...on, '--name', 'finish');
    const result = await json('workflow', 'result', ...on);
    assert.equal(result.status, 'COMPLETED');
    assert.equal(result.result, 42);

    const { events } = await json('workflow', 'show', ...on);
    assert.equal(events[0].eventType, 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED');
    assert.equal(events.at(-1).eventType, 'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED');
    const described = await json('workflow', 'describe', ...on);
    assert.equal(described.workflowExecutionInfo.execution.runId, runId);
    assert.equal(described.workflowExecutionInfo.status, 'WORKFLOW_EXECUTION_STATUS_COMPLETED');
    assert.match(await cli('workflow', 'describe', ...on), /COMPLETED/);
    assert.match(await cli('workflow', 'show', ...on), /WorkflowExecutionSignaled/);
  });

  test('update execute, start, describe, result, and with a start', async () => {
    await start('cli-account', 'account');
    const on = ['--workflow-id', 'cli-account'];
    const raise = ['--name', 'raise', '--input'];
    const executed = await json('workflow', 'update', 'execute', ...on, ...raise, '40');
    assert.equal(executed.result, 40);
    assert.match(await refusal('workflow', 'update', 'execute', ...on, ...raise, '0'), /too little/);
    const started = await json(
      ...['workflow', 'update', 'start', ...on, '--name', 'raiseSlowly', '--input', '1'],
      ...['--update-id', 'slow', '--wait-for-stage', 'accepted'],
    );
    assert.equal(started.updateId, 'slow');
    const result = await json('workflow', 'update', 'result', ...on, '--update-id', 'slow');
    assert.equal(result.result, 42);
    const described = await json('workflow', 'update', 'describe', ...on, '--update-id', 'slow');
    assert.match(JSON.stringify(described), /COMPLETED/i);
    const both = await json(
      ...['workflow', 'execute-update-with-start', '--workflow-id', 'cli-account-2'],
      ...['--type', 'account', '--task-queue', 'shared', '--id-conflict-policy', 'UseExisting'],
      ...['--update-name', 'raise', '--update-input', '7'],
    );
    assert.match(JSON.stringify(both), /7/);
    await cli('workflow', 'signal', ...on, '--name', 'finish');
    assert.equal((await json('workflow', 'result', ...on)).result, 42);
  });

  test('execute follows the workflow to its result', async () => {
    const where = ['--workflow-id', 'cli-execute', '--task-queue', 'shared'];
    const result = await json('workflow', 'execute', '--type', 'retriesActivity', ...where);
    assert.equal(result.status, 'COMPLETED');
    assert.equal(result.result, 3);
  });

  test('execute of a workflow that fails prints why and fails itself', async () => {
    const where = ['--workflow-id', 'cli-fails', '--task-queue', 'shared'];
    const text = await refusal('workflow', 'execute', '--type', 'failsWithDetails', ...where);
    assert.match(text, /FAILED/);
    assert.match(text, /Activity task failed[^]*Message: no\b/);
    assert.match(text, /WorkflowExecutionFailed/);
  });

  test('show --follow waits for the end', async () => {
    await start('cli-follow', 'sums');
    const on = ['--workflow-id', 'cli-follow'];
    const [shown] = await Promise.all([
      cli('workflow', 'show', ...on, '--follow'),
      cli('workflow', 'signal', ...on, '--name', 'finish'),
    ]);
    assert.match(shown, /WorkflowExecutionCompleted/);
  });

  test('describe shows a pending activity', async () => {
    await start('cli-pending', 'waitsForOutside');
    const on = ['--workflow-id', 'cli-pending'];
    const described = await eventually('the activity', async () => {
      const seen = await json('workflow', 'describe', ...on);
      return seen.pendingActivities?.[0]?.lastStartedTime && seen;
    });
    assert.equal(described.pendingActivities[0].activityType.name, 'completesLater');
    assert.match(await cli('workflow', 'describe', ...on), /Pending Activities: 1/);
    const complete = ['activity', 'complete', ...on, '--activity-id', '1', '--result', '"done"'];
    await cli(...complete);
    assert.equal((await json('workflow', 'result', ...on)).result, 'done');
  });

  test('an id that is not there is told by every command', async () => {
    const commands = ['describe', 'show', 'result', 'cancel', 'terminate'].map((name) => [name]);
    commands.push(['signal', '--name', 'add'], ['query', '--name', 'total']);
    for (const [name, ...args] of commands) {
      const text = await refusal('workflow', name, '--workflow-id', 'cli-nobody', ...args);
      assert.match(text, /workflow not found for ID: cli-nobody/);
    }
  });

  test('list and count with filters', async () => {
    const ids = ['cli-list-1', 'cli-list-2', 'cli-list-3'];
    await Promise.all(ids.map((id) => start(id, 'usesLocalActivity')));
    await Promise.all(ids.map((id) => cli('workflow', 'result', '--workflow-id', id)));
    const filter = "WorkflowType = 'usesLocalActivity' AND ExecutionStatus = 'Completed'";
    await eventually('the list to show all', async () => {
      const rows = await json('workflow', 'list', '--query', filter);
      const found = rows.map((row) => row.execution.workflowId).sort();
      return found.join() === ids.join();
    });
    const count = await json('workflow', 'count', '--query', filter);
    assert.equal(Number(count.count), 3);
    const grouped = `${filter} GROUP BY ExecutionStatus`;
    assert.match(await cli('workflow', 'count', '--query', grouped), /total: 3, values: Completed/);
    assert.match(await cli('workflow', 'list', '--limit', '5'), /Completed/);
  });

  test('reset to a task, by event and by its place', async () => {
    await start('cli-reset', 'sums');
    const on = ['--workflow-id', 'cli-reset'];
    await cli('workflow', 'signal', ...on, '--name', 'add', '--input', '40');
    await eventually('the first signal to be worked on', async () => {
      const { queryResult } = await json('workflow', 'query', ...on, '--name', 'total');
      return queryResult[0] === 40;
    });
    const again = ['workflow', 'reset', ...on, '--reason', 'a test'];
    const first = await json(...again, '--event-id', '4');
    await cli('workflow', 'signal', ...on, '--name', 'add', '--input', '2');
    await eventually('the new run to know both signals', async () => {
      const { queryResult } = await json('workflow', 'query', ...on, '--name', 'total');
      return queryResult[0] === 42;
    });
    const second = await json(...again, '--type', 'LastWorkflowTask');
    assert.notEqual(second.runId, first.runId);
    await cli('workflow', 'signal', ...on, '--name', 'finish');
    const result = await json('workflow', 'result', ...on, '--run-id', second.runId);
    assert.equal(result.result, 42);
    assert.match(await refusal(...again, '--event-id', '2'), /must be at the boundary/);
  });

  test('cancel', async () => {
    await start('cli-cancel', 'sleepsUntilCancelled');
    const on = ['--workflow-id', 'cli-cancel'];
    await cli('workflow', 'cancel', ...on);
    assert.match(await refusal('workflow', 'result', ...on), /CANCELED/);
  });

  test('stack and terminate', async () => {
    await start('cli-stack', 'sums');
    const on = ['--workflow-id', 'cli-stack'];
    assert.match(await cli('workflow', 'stack', ...on), /condition|sums/);
    await cli('workflow', 'terminate', ...on, '--reason', 'enough');
    const { workflowExecutionInfo } = await json('workflow', 'describe', ...on);
    assert.equal(workflowExecutionInfo.status, 'WORKFLOW_EXECUTION_STATUS_TERMINATED');
    const late = ['workflow', 'signal', ...on, '--name', 'add', '--input', '1'];
    assert.match(await refusal(...late), /already completed/);
  });
});

describe('batch', () => {
  const ids = ['cli-batch-1', 'cli-batch-2', 'cli-batch-3'];
  const query = "WorkflowId STARTS_WITH 'cli-batch-'";
  const batch = (command, ...args) => batchOf(query, command, ...args);

  /** What is told of the job once it is over. */
  async function batchOf(query, command, ...args) {
    const all = [command, '--query', query, '--reason', 'a test', '--yes', ...args];
    const { batchJobId } = await json('workflow', ...all);
    assert.ok(batchJobId);
    return eventually(`the batch to ${command} to be over`, async () => {
      const told = await json('batch', 'describe', '--job-id', batchJobId);
      return told.state !== 'BATCH_OPERATION_STATE_RUNNING' && told;
    });
  }

  test('signal and terminate by a query, describe, list', async () => {
    for (const id of ids) await start(id, 'sums');
    const signalled = await batch('signal', '--name', 'add', '--input', '5');
    assert.equal(signalled.state, 'BATCH_OPERATION_STATE_COMPLETED');
    assert.equal(Number(signalled.completeOperationCount), 3);
    for (const id of ids) {
      const total = await json('workflow', 'query', '--workflow-id', id, '--name', 'total');
      assert.deepEqual(total.queryResult, [5]);
    }
    const ended = await batch('terminate');
    assert.equal(Number(ended.completeOperationCount), 3);
    assert.equal(ended.reason, 'a test');
    const terminated = `${query} AND ExecutionStatus = 'Terminated'`;
    const { count } = await json('workflow', 'count', '--query', terminated);
    assert.equal(Number(count), 3);
    assert.match(await cli('batch', 'list'), /Completed/);
    const late = ['batch', 'terminate', '--job-id', ended.jobId, '--reason', 'late'];
    assert.match(await refusal(...late), /could not find/);
    assert.match(await refusal('batch', 'describe', '--job-id', 'none'), /could not find/);
  });

  test('reset, update-options, cancel and delete by a query', async () => {
    const own = "WorkflowId STARTS_WITH 'cli-many-'";
    const many = ['cli-many-1', 'cli-many-2', 'cli-many-3'];
    const count = async (more = '') =>
      // None is told by no number.
      Number((await json('workflow', 'count', '--query', own + more)).count ?? 0);
    for (const id of many) {
      await start(id, 'sums');
      // Its first task is over.
      await cli('workflow', 'query', '--workflow-id', id, '--name', 'total');
    }
    const reset = await batchOf(own, 'reset', '--type', 'LastWorkflowTask');
    assert.equal(Number(reset.completeOperationCount), 3);
    assert.equal(await count(), 6);
    assert.equal(await count(" AND ExecutionStatus = 'Running'"), 3);
    const running = `${own} AND ExecutionStatus = 'Running'`;
    const override = ['--versioning-override-behavior', 'auto_upgrade'];
    const changed = await batchOf(running, 'update-options', ...override);
    assert.equal(Number(changed.completeOperationCount), 3);
    const { workflowExecutionInfo } = await json('workflow', 'describe', '-w', many[0]);
    assert.match(JSON.stringify(workflowExecutionInfo.versioningInfo), /AUTO_UPGRADE|autoUpgrade/);
    const cancelled = await batchOf(running, 'cancel');
    assert.equal(Number(cancelled.completeOperationCount), 3);
    await eventually('all to be cancelled', async () =>
      (await count(" AND ExecutionStatus = 'Canceled'")) === 3,
    );
    const deleted = await batchOf(own, 'delete');
    assert.equal(Number(deleted.completeOperationCount), 6);
    await eventually('all to be gone', async () => (await count()) === 0);
  });
});

describe('task-queue', () => {
  test('config set and get, describe, list-partition', async () => {
    const on = ['--task-queue', 'cli-queue', '--task-queue-type', 'activity'];
    const set = await json(
      ...['task-queue', 'config', 'set', ...on, '--queue-rps-limit', '12.5'],
      ...['--queue-rps-limit-reason', 'a test', '--fairness-key-rps-limit-default', '3'],
    );
    const limits = (config) => {
      const { queueRateLimit, fairnessKeysRateLimitDefault } = config.config ?? config;
      return [
        queueRateLimit?.rateLimit?.requestsPerSecond,
        fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond,
      ];
    };
    assert.deepEqual(limits(set), [12.5, 3]);
    assert.match(JSON.stringify(set), /a test/);
    assert.deepEqual(limits(await json('task-queue', 'config', 'get', ...on)), [12.5, 3]);
    await cli('task-queue', 'config', 'set', ...on, '--queue-rps-limit', 'default');
    assert.deepEqual(limits(await json('task-queue', 'config', 'get', ...on)), [undefined, 3]);
    assert.match(await cli('task-queue', 'describe', '--task-queue', 'shared'), /poller/i);
    assert.match(await cli('task-queue', 'list-partition', '--task-queue', 'shared'), /shared/);
  });
});

describe('operator', () => {
  test('namespace create, describe, update, list', async () => {
    const name = 'cli-namespace';
    await cli('operator', 'namespace', 'create', '-n', name, '--retention', '48h');
    const described = await eventually('the namespace', () =>
      json('operator', 'namespace', 'describe', '-n', name).catch(() => undefined),
    );
    assert.equal(described.namespaceInfo.name, name);
    assert.equal(described.config.workflowExecutionRetentionTtl, '172800s');
    await cli('operator', 'namespace', 'update', '-n', name, '--description', 'made by a test');
    const all = await eventually('the update to be seen', async () => {
      const rows = await json('operator', 'namespace', 'list');
      const own = rows.find((row) => row.namespaceInfo.name === name);
      return own?.namespaceInfo.description === 'made by a test' && rows;
    });
    assert.ok(all.some((row) => row.namespaceInfo.name === 'default'));
    assert.match(await refusal('operator', 'namespace', 'create', '-n', name), /already exists/i);
  });

  test('cluster health and system', async () => {
    assert.match(await cli('operator', 'cluster', 'health'), /SERVING/);
    const system = await json('operator', 'cluster', 'system');
    assert.match(system.serverVersion, /^\d+\.\d+/);
  });

  test('search attributes create, list, remove', async () => {
    const attribute = ['--name', 'CliNumber'];
    await cli('operator', 'search-attribute', 'create', ...attribute, '--type', 'Int');
    await eventually('the search attribute', async () =>
      /CliNumber\s+Int/.test(await cli('operator', 'search-attribute', 'list')),
    );
    await cli('operator', 'search-attribute', 'remove', ...attribute, '--yes');
    await eventually('the search attribute to go', async () =>
      !(await cli('operator', 'search-attribute', 'list')).includes('CliNumber'),
    );
  });
});
