// A real Chromium without a window, steered over a pipe with its DevTools protocol: no package needed.
import { spawn } from 'node:child_process';

export class Chromium {
  static start(profile) {
    const c = new Chromium();
    c.process = spawn(process.env.CHROMIUM || 'chromium', [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank',
    ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    c.pending = new Map();
    c.listeners = [];
    c.next = 1;
    let text = '';
    c.process.stdio[4].on('data', (chunk) => {
      text += chunk;
      for (let end; (end = text.indexOf('\0')) >= 0; text = text.slice(end + 1)) c.receive(JSON.parse(text.slice(0, end)));
    });
    c.process.on('error', (e) => { for (const p of c.pending.values()) p.reject(e); });
    return c;
  }

  receive(message) {
    const waiting = this.pending.get(message.id);
    if (!waiting) {
      for (const l of this.listeners) l(message);
      return;
    }
    this.pending.delete(message.id);
    if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
    else waiting.resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject, method });
      this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  // A page of this size: { width, height, mobile, dark }.
  async page(look) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    this.listeners.push((m) => m.sessionId === sessionId && page.note(m));
    for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', {
      width: look.width, height: look.height, deviceScaleFactor: look.mobile ? 2 : 1, mobile: Boolean(look.mobile),
    });
    await page.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: look.dark ? 'dark' : 'light' }],
    });
    return page;
  }

  async stop() {
    const gone = new Promise((resolve) => { this.process.on('exit', resolve); });
    this.send('Browser.close').catch(() => {});
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
  }
}

class Page {
  constructor(chromium, sessionId, targetId) {
    Object.assign(this, { chromium, sessionId, targetId, documents: [], requests: [], complaints: [], loads: 0 });
  }

  send(method, params) {
    return this.chromium.send(method, params, this.sessionId);
  }

  note({ method, params }) {
    if (method === 'Page.loadEventFired') this.loads++;
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
    if (method === 'Network.responseReceived' && params.type === 'Document') this.documents.push(params.response);
    if (method === 'Log.entryAdded') this.complaints.push(`${params.entry.url ?? params.entry.source}: ${params.entry.text}`);
    if (method === 'Runtime.exceptionThrown') this.complaints.push(params.exceptionDetails.text);
  }

  // Do it, and wait until the page that it leads to has loaded.
  async andLoad(act) {
    const before = this.loads;
    await act();
    for (let i = 0; i < 400 && this.loads === before; i++) await new Promise((r) => { setTimeout(r, 50); });
    if (this.loads === before) throw new Error('no page has loaded');
  }

  open(url) {
    return this.andLoad(() => this.send('Page.navigate', { url }));
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.text}`);
    return result.value;
  }

  async screenshot() {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }

  close() {
    return this.chromium.send('Target.closeTarget', { targetId: this.targetId });
  }
}
