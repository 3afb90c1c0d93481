// Starts calsync-sandbox, counts TAP tests, and keeps Google's client pointed at it.
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const build = process.env.CALSYNC_BUILD || path.join(here, '..', '..', '..', 'build');

export const INSTALLED = {
  id: 'calsync-sandbox.apps.googleusercontent.com',
  secret: 'sandbox-secret',
  redirect: 'http://127.0.0.1:43210/callback',
};
export const WEB = {
  id: 'calsync-web.apps.googleusercontent.com',
  secret: 'sandbox-web-secret',
  redirect: 'http://127.0.0.1:8085/callback',
};
export const SCOPE = 'https://www.googleapis.com/auth/';

export const program = path.join(build, 'calsync-sandbox');

const tests = [];
export function test(name, body) {
  tests.push({ name, body });
}

// Prints TAP and the closing line; the exit status says whether all passed.
export async function runAll(context) {
  let failed = 0;
  console.log(`1..${tests.length}`);
  for (const [i, t] of tests.entries()) {
    try {
      await t.body(context);
      console.log(`ok ${i + 1} - ${t.name}`);
    } catch (e) {
      failed++;
      console.log(`not ok ${i + 1} - ${t.name}`);
      console.log(`  ${String(e.stack || e).replaceAll('\n', '\n  ')}`);
    }
  }
  console.log(`conformance: ${tests.length - failed} passed, ${failed} failed`);
  return failed;
}

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export class Sandbox {
  static async start(args = []) {
    const s = new Sandbox();
    s.dir = mkdtempSync(path.join(tmpdir(), 'calsync-conformance-'));
    const portFile = path.join(s.dir, 'port');
    s.keyFile = s.makeServiceKey();
    s.child = spawn(program, [
      '--listen', '127.0.0.1:0', '--port-file', portFile, '--allow-http-webhook',
      '--service-account', s.keyFile, ...args,
    ], { stdio: ['ignore', 'ignore', 'inherit'] });
    s.exited = new Promise((r) => s.child.on('exit', (code) => r(code)));
    s.child.on('error', (e) => { s.failure = e; });
    for (let i = 0; i < 200 && !existsSync(portFile); i++) {
      if (s.failure || s.child.exitCode !== null) throw s.failure || new Error('the sandbox ended');
      await sleep(25);
    }
    s.url = `http://127.0.0.1:${readFileSync(portFile, 'utf8').trim()}`;
    return s;
  }

  // A key file as Google hands it out, made anew: no key lies in the repository.
  makeServiceKey() {
    const { privateKey: pem } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const file = path.join(this.dir, 'key.json');
    this.key = {
      type: 'service_account', project_id: 'sandbox', private_key_id: 'k1', private_key: pem,
      client_email: 'robot@sandbox.iam.gserviceaccount.com', client_id: '1',
      token_uri: 'https://oauth2.googleapis.com/token',
    };
    writeFileSync(file, JSON.stringify(this.key), { mode: 0o600 });
    return file;
  }

  // Ends with the exit status.
  async stop() {
    this.child.kill('SIGTERM');
    const code = await this.exited;
    rmSync(this.dir, { recursive: true, force: true });
    return code;
  }

  async control(method, what, body) {
    const r = await fetch(`${this.url}/sandbox/${what}`, {
      method, body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await r.text();
    if (!r.ok) throw new Error(`${method} ${what}: ${r.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  get(what) { return this.control('GET', what); }
  post(what, body = {}) { return this.control('POST', what, body); }
  del(what) { return this.control('DELETE', what); }

  // Google's OAuth client, with its endpoints here.
  get endpoints() {
    return {
      oauth2AuthBaseUrl: `${this.url}/o/oauth2/v2/auth`,
      oauth2TokenUrl: `${this.url}/token`,
      oauth2RevokeUrl: `${this.url}/revoke`,
    };
  }

  // Answers the consent page as a person would; gives where the browser is sent.
  async consent(authUrl, decision = 'allow', account = 'user1@example.com') {
    const page = await fetch(authUrl);
    const html = await page.text();
    const request = /name="request" value="([^"]+)"/.exec(html);
    if (page.status !== 200 || !request) throw new Error(`consent page: ${page.status} ${html}`);
    const action = /<form method="post" action="([^"]+)"/.exec(html)[1];
    const r = await fetch(new URL(action, this.url), {
      method: 'POST', redirect: 'manual',
      body: new URLSearchParams({ request: request[1], account, decision }),
    });
    if (r.status !== 302) throw new Error(`decision: ${r.status} ${await r.text()}`);
    return new URL(r.headers.get('location'));
  }
}
