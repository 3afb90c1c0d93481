// `calsync connect` with a real browser: the consent page of the sandbox is answered with a click, the
// page that ends the login is looked at. Screenshots go to build/browser.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Chromium } from './lib/chromium.mjs';

const build = process.env.CALSYNC_BUILD || path.resolve('build');
const shots = path.join(build, 'browser');
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'calsync-browser-'));
const LONG = 'somebody.with.an.exceptionally.long.address.that.has.no.place.to.break@calendar.example.com';
const PHONE = { width: 390, height: 844, mobile: true };
const DESKTOP = { width: 1280, height: 800 };

async function until(what, check) {
  for (let i = 0; i < 400; i++) {
    const value = await check();
    if (value) return value;
    await new Promise((r) => { setTimeout(r, 50); });
  }
  throw new Error(`waited in vain for ${what}`);
}

function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

async function control(base, what, body) {
  const r = await fetch(`${base}/sandbox/${what}`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  assert.ok(r.ok, `${what}: ${r.status}`);
}

// One `calsync connect --no-browser`, as far as the address that it shows.
class Login {
  constructor(base, name) {
    this.stderr = '';
    this.process = spawn(path.join(build, 'calsync'), ['connect', '--no-browser', name], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8', CALSYNC_GOOGLE_BASE_URL: base,
        GOOGLE_CLIENT_ID: 'calsync-sandbox.apps.googleusercontent.com', GOOGLE_CLIENT_SECRET: 'sandbox-secret',
      },
    });
    this.process.stderr.on('data', (chunk) => { this.stderr += chunk; });
    this.ended = new Promise((resolve) => { this.process.on('exit', resolve); });
  }

  url() {
    return until('the address', () => this.stderr.match(/^http.*$/m)?.[0]);
  }
}

// WCAG: 4.5 is readable.
function contrast(a, b) {
  const light = (rgb) => {
    const [r, g, bl] = rgb.match(/[\d.]+/g).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * bl;
  };
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

// The page says this, to a person with a screen of this size, and nothing more to anybody.
async function look(page, { status, title, words, shot, secrets }) {
  const answer = page.documents.at(-1);
  const headers = Object.fromEntries(Object.entries(answer.headers).map(([k, v]) => [k.toLowerCase(), v]));
  assert.equal(answer.status, status);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.match(headers['content-security-policy'], /default-src 'none'/);
  const seen = await page.evaluate(`(() => {
    const style = (s) => getComputedStyle(document.querySelector(s));
    const box = (s) => document.querySelector(s).getBoundingClientRect();
    return {
      title: document.title, h1: document.querySelector('h1').innerText, text: document.body.innerText,
      html: document.documentElement.outerHTML, scripts: document.scripts.length,
      loaded: performance.getEntriesByType('resource').map((e) => e.name).filter((n) => !n.endsWith('/favicon.ico')),
      wide: document.documentElement.scrollWidth, high: document.documentElement.scrollHeight,
      width: innerWidth, height: innerHeight, main: box('main').toJSON(), p: box('p').toJSON(),
      size: parseFloat(style('p').fontSize), ink: style('p').color, head: style('h1').color,
      paper: style('main').backgroundColor, referrer: document.referrer,
    };
  })()`);
  fs.writeFileSync(path.join(shots, `${shot}.png`), await page.screenshot());
  assert.equal(seen.h1, title);
  assert.equal(seen.title, title);
  assert.match(seen.text, words);
  for (const secret of secrets) assert.ok(!seen.html.includes(secret), `${secret} stands on the page`);
  assert.equal(seen.scripts, 0);
  assert.deepEqual(seen.loaded, []);
  assert.ok(seen.wide <= seen.width, `${seen.wide} wide in a window of ${seen.width}`);
  assert.ok(seen.high <= seen.height, `${seen.high} high in a window of ${seen.height}`);
  assert.ok(seen.p.right <= seen.main.right && seen.main.left >= 0, 'the text leaves its card');
  assert.ok(seen.size >= 16, `letters of ${seen.size} px`);
  assert.ok(contrast(seen.ink, seen.paper) >= 4.5 && contrast(seen.head, seen.paper) >= 4.5, 'too little contrast');
  assert.deepEqual(page.complaints.filter((c) => !/favicon|status of 400/.test(c)), []);
}

const CASES = [
  { name: 'allowed, on a phone', shot: 'connected-phone', view: PHONE, account: LONG },
  { name: 'allowed, on a desktop', shot: 'connected-desktop', view: DESKTOP },
  { name: 'allowed, on a phone in the dark', shot: 'connected-phone-dark', view: { ...PHONE, dark: true } },
  { name: 'denied, on a phone', shot: 'denied-phone', view: PHONE, decision: 'deny' },
  { name: 'denied, on a desktop in the dark', shot: 'denied-desktop-dark', view: { ...DESKTOP, dark: true }, decision: 'deny' },
  { name: 'allowed, but Google fails, on a phone', shot: 'failed-phone', view: PHONE, fault: { match: '/token', action: 'status', status: 500 } },
];

async function login(chromium, base, { shot, view, decision = 'allow', account = 'user1@example.com', fault }) {
  const run = new Login(base, shot);
  const page = await chromium.page(view);
  const url = await run.url();
  const state = new URL(url).searchParams.get('state');
  const good = decision === 'allow' && !fault;

  if (fault) await control(base, 'faults', fault);
  await page.open(url);
  await page.evaluate(`document.querySelector('input[value="${account}"]').click()`);
  await page.andLoad(() => page.evaluate(`document.querySelector('button[value="${decision}"]').click()`));
  const status = await run.ended;
  assert.equal(status, good ? 0 : decision === 'deny' ? 3 : 4, run.stderr);
  const back = new URL(page.documents.at(-1).url);
  assert.equal(back.pathname, '/callback');
  await look(page, {
    status: good ? 200 : 400,
    title: good ? 'calsync is connected' : 'calsync is not connected',
    words: good ? new RegExp(`${account.replaceAll('.', '\\.')} is connected`) : decision === 'deny' ? /not allowed/ : /terminal/,
    shot,
    secrets: [state, back.searchParams.get('code') ?? state, 'sandbox-secret'],
  });
  // Loaded again, the page is not there any more, and nothing is asked for beside it.
  assert.deepEqual(page.requests.filter((u) => !u.startsWith(base) && !u.startsWith(`${back.origin}/`)), []);
  await page.close();
}

async function main() {
  fs.mkdirSync(shots, { recursive: true });
  const portFile = path.join(home, 'port');
  const sandbox = spawn(path.join(build, 'calsync-sandbox'), ['--listen', '127.0.0.1:0', '--port-file', portFile], {
    stdio: 'ignore', env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
  });
  const chromium = Chromium.start(path.join(home, 'profile'));
  let failed = 0;
  try {
    const base = `http://127.0.0.1:${await until('the sandbox', () => read(portFile).trim())}`;
    await control(base, 'accounts', { email: LONG, timeZone: 'Europe/Berlin' });
    console.log(`1..${CASES.length}`);
    for (const [i, c] of CASES.entries()) {
      try {
        await login(chromium, base, c);
        console.log(`ok ${i + 1} - login: ${c.name}`);
      } catch (e) {
        failed++;
        console.log(`not ok ${i + 1} - login: ${c.name}`);
        console.log(String(e.stack).replace(/^/gm, '# '));
      }
    }
  } finally {
    await chromium.stop();
    sandbox.kill();
    fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
  process.exitCode = failed ? 1 : 0;
}

await main();
