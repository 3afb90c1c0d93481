// The sandbox as a process and an HTTP server: options, signals, lost and held back answers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Sandbox, program, test, runAll } from './lib/sandbox.mjs';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

// Send bytes, read until the other side closes.
function rawExchange(s, bytes) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(new URL(s.url).port, '127.0.0.1', () => socket.write(bytes));
    let got = '';
    socket.setEncoding('latin1');
    socket.setTimeout(5000, () => socket.destroy(new Error(`no end: ${got}`)));
    socket.on('data', (d) => { got += d; });
    socket.on('error', (e) => (e.code === 'ECONNRESET' ? resolve(got) : reject(e)));
    socket.on('close', () => resolve(got));
  });
}

const get = (s, target, more = '') =>
  rawExchange(s, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`);

const body = (answer) => answer.slice(answer.indexOf('\r\n\r\n') + 4);

async function bearer(s) {
  return { authorization: `Bearer ${(await s.post('token')).access_token}` };
}

const EVENT = { start: { date: '2026-01-05' }, end: { date: '2026-01-06' } };

test('the port file holds the port and a newline, and no temporary file stays', ({ s }) => {
  assert.match(readFileSync(path.join(s.dir, 'port'), 'utf8'), /^[0-9]+\n$/);
  assert.ok(!existsSync(path.join(s.dir, 'port.tmp')));
});

for (const [name, args, status, says] of [
  ['an unknown option', ['--nonsense'], 2, /--help/],
  ['an argument', ['x'], 2, /unexpected argument/],
  ['a bad address', ['--listen', 'nowhere'], 2, /ADDR:PORT/],
  ['a bad port', ['--listen', '127.0.0.1:99999'], 2, /ADDR:PORT/],
  ['a bad number', ['--seed', 'x'], 2, /wants a number/],
  ['a bad time', ['--now', 'tomorrow'], 2, /--now/],
  ['an unknown zone', ['--timezone', 'Mars/Base'], 2, /unknown zone/],
  ['a file that is not there', ['--load', '/nonexistent/x.json'], 1, /cannot open/],
])
  test(`${name} ends it with ${status} and one line`, () => {
    const r = spawnSync(program, ['--listen', '127.0.0.1:0', ...args], { encoding: 'utf8', timeout: 10000 });
    assert.equal(r.status, status, r.stderr);
    assert.match(r.stderr, says);
    assert.equal(r.stdout, '');
  });

test('a file to load that is no JSON ends it', ({ s }) => {
  const file = path.join(s.dir, 'bad.json');
  writeFileSync(file, '{');
  const r = spawnSync(program, ['--load', file], { encoding: 'utf8', timeout: 10000 });
  assert.equal(r.status, 2);
  assert.match(r.stderr, /bad\.json.*JSON/);
});

test('--load, --account, --timezone, --now, --seed', async ({ s }) => {
  const file = path.join(s.dir, 'load.json');
  const more = path.join(s.dir, 'more.json');
  writeFileSync(file, JSON.stringify([{ id: 'loaded01', summary: 'loaded', ...EVENT }]));
  writeFileSync(more, JSON.stringify({ id: 'loaded02', ...EVENT }));
  const args = ['--load', file, more, '--account', 'ada@example.org', '--timezone', 'Asia/Tokyo',
    '--now', '2030-01-02T03:04:05Z', '--seed', '5'];
  const tokens = [];
  for (let i = 0; i < 2; i++) {
    const other = await Sandbox.start(args);
    try {
      const state = await other.get('state');
      assert.equal(state.now, '2030-01-02T03:04:05.000Z');
      assert.equal(state.accounts[0].email, 'ada@example.org');
      assert.equal(state.accounts[0].calendars[0].timeZone, 'Asia/Tokyo');
      assert.deepEqual(state.accounts[0].calendars[0].events.map((e) => e.id), ['loaded01', 'loaded02']);
      tokens.push((await other.post('token')).access_token);
    } finally {
      assert.equal(await other.stop(), 0);
    }
  }
  assert.equal(tokens[0], tokens[1]);
});

test('SIGTERM ends it with 0 while an answer is held back', async () => {
  const other = await Sandbox.start(['--latency', '60000']);
  const waiting = fetch(`${other.url}/calendar/v3/colors`).catch(() => null);
  await sleep(100);
  assert.equal(await other.stop(), 0);
  assert.equal(await waiting, null);
});

test('a held back answer does not hold back the others', async ({ s }) => {
  await s.post('faults', { match: '/colors', action: 'delay', delay_ms: 700 });
  const headers = await bearer(s);
  const start = Date.now();
  const slow = fetch(`${s.url}/calendar/v3/colors`, { headers }).then(() => Date.now() - start);
  await sleep(50);
  await fetch(`${s.url}/calendar/v3/users/me/settings`, { headers });
  const quick = Date.now() - start;
  assert.ok(quick < 500, `${quick} ms`);
  const took = await slow;
  assert.ok(took >= 700, `${took} ms`);
});

test('drop: the connection closes without a byte', async ({ s }) => {
  for (const action of ['drop_before', 'drop_after']) {
    await s.post('faults', { match: '/colors', action });
    assert.equal(await get(s, '/calendar/v3/colors'), '');
  }
});

test('truncate: half of the announced bytes', async ({ s }) => {
  await s.post('faults', { match: '/colors', action: 'truncate' });
  const { authorization } = await bearer(s);
  const answer = await get(s, '/calendar/v3/colors', `Authorization: ${authorization}\r\n`);
  const announced = Number(/content-length: ([0-9]+)/i.exec(answer)[1]);
  assert.equal(body(answer).length, Math.floor(announced / 2));
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test('garbage: 200 text/html', async ({ s }) => {
  await s.post('faults', { match: '/colors', action: 'garbage' });
  const answer = await get(s, '/calendar/v3/colors');
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /content-type: text\/html/i);
});

test('malformed HTTP harms nobody else', async ({ s }) => {
  for (const bytes of ['\r\n\r\n\r\n', 'GET\r\n\r\n', `GET ${'x'.repeat(70000)} HTTP/1.1\r\n\r\n`, '\0\0\0\0\r\n\r\n',
    'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n',
    'POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n']) {
    const answer = await Promise.race([rawExchange(s, bytes), sleep(300).then(() => '')]);
    assert.ok(!/^HTTP\/1\.1 2/.test(answer), answer);
  }
  assert.equal((await fetch(`${s.url}/sandbox/clock`)).status, 200);
});

test('a client that leaves in the middle harms nobody else', async ({ s }) => {
  await s.post('faults', { match: '/colors', action: 'delay', delay_ms: 200 });
  const socket = net.connect(new URL(s.url).port, '127.0.0.1');
  socket.write('GET /calendar/v3/colors HTTP/1.1\r\nHost: x\r\n\r\n');
  await sleep(50);
  socket.destroy();
  const half = net.connect(new URL(s.url).port, '127.0.0.1');
  half.write('POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
  await sleep(50);
  half.destroy();
  await sleep(300);
  assert.equal((await fetch(`${s.url}/sandbox/clock`)).status, 200);
});

test('a body over the limit is 413', async ({ s }) => {
  const r = await fetch(`${s.url}/calendar/v3/calendars/primary/events`, {
    method: 'POST', headers: await bearer(s), body: Buffer.alloc(33 * 1024 * 1024, 'x'),
  });
  assert.equal(r.status, 413);
});

test('HEAD answers 404 without a body', async ({ s }) => {
  const r = await fetch(`${s.url}/calendar/v3/colors`, { method: 'HEAD', headers: await bearer(s) });
  assert.equal(r.status, 404);
  assert.equal(await r.text(), '');
});

test('a chunked body, and an id with an encoded slash', async ({ s }) => {
  const { authorization } = await bearer(s);
  await s.post('calendars', { id: 'a/b@example.com', summary: 'slash' });
  const text = JSON.stringify({ id: 'chunked01', ...EVENT });
  const answer = await rawExchange(s, 'POST /calendar/v3/calendars/a%2Fb%40example.com/events HTTP/1.1\r\n'
    + `Host: x\r\nConnection: close\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n`
    + `Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.equal(JSON.parse(body(answer)).id, 'chunked01');
});

test('Date is the model\'s clock, and there is one', async ({ s }) => {
  await s.post('clock', { advance_ms: 400 * 86400e3 });
  const answer = await get(s, '/calendar/v3/colors');
  const dates = answer.match(/^Date: .*$/gmi);
  assert.equal(dates.length, 1);
  assert.ok(Date.parse(dates[0].slice(6)) - Date.now() > 399 * 86400e3, dates[0]);
  await s.post('clock', { advance_ms: -400 * 86400e3 });
});

async function receiver(statuses) {
  const seen = [];
  const server = http.createServer((req, res) => {
    seen.push({ at: Date.now(), ...req.headers });
    res.writeHead(statuses.shift() ?? 200).end();
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  return { seen, server, address: `http://127.0.0.1:${server.address().port}/` };
}

async function watch(s, headers, id, address) {
  const r = await fetch(`${s.url}/calendar/v3/calendars/primary/events/watch`, {
    method: 'POST', headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ id, type: 'web_hook', address }),
  });
  const at = Date.now();
  assert.equal(r.status, 200);
  return { at, channel: await r.json() };
}

test('a notification is sent again after 503, and not after 404', async ({ s }) => {
  const hook = await receiver([503, 200, 404]);
  try {
    const headers = await bearer(s);
    await watch(s, headers, 'retry-1', hook.address);
    for (let i = 0; i < 300 && hook.seen.length < 2; i++) await sleep(20);
    assert.equal(hook.seen.length, 2);
    assert.equal(hook.seen[0]['x-goog-message-number'], hook.seen[1]['x-goog-message-number']);
    assert.ok(hook.seen[1].at - hook.seen[0].at >= 500);
    await fetch(`${s.url}/calendar/v3/calendars/primary/events`, {
      method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(EVENT),
    });
    await sleep(1800);
    assert.equal(hook.seen.length, 3);
    assert.deepEqual((await s.get('notifications')).map((n) => n.status), [503, 200, 404]);
  } finally {
    hook.server.close();
  }
});

test('push_sync_first: the sync message comes before the watch answer', async ({ s }) => {
  const hook = await receiver([]);
  await s.post('config', { push_sync_first: true });
  try {
    const { at } = await watch(s, await bearer(s), 'first-1', hook.address);
    assert.equal(hook.seen.length, 1);
    assert.ok(hook.seen[0].at <= at);
  } finally {
    await s.post('config', { push_sync_first: false });
    hook.server.close();
  }
});

test('a webhook that is not there harms nobody', async ({ s }) => {
  await watch(s, await bearer(s), 'gone-1', 'http://127.0.0.1:1/');
  for (let i = 0; i < 100 && !(await s.get('notifications')).some((n) => n.channel === 'gone-1'); i++) await sleep(20);
  assert.equal((await s.get('notifications')).find((n) => n.channel === 'gone-1').status, 0);
});

const s = await Sandbox.start();
let failed = 1;
try {
  failed = await runAll({ s });
} finally {
  const code = await s.stop();
  if (code !== 0) {
    console.error(`calsync-sandbox ended with ${code}`);
    failed++;
  }
}
process.exit(failed ? 1 : 0);
