// What the browser tests share: a real server with real images, a viewer page on a
// host name of its own, Chromium, and the colours in a screenshot.
import { execFileSync, spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { copyFile, mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');

export const reader = { email: 'reader@example.org', password: 'a long enough phrase' };
export const administrator = { email: 'admin@localhost', password: 'another long phrase' };

// The quadrants of the test picture, clockwise from the top left.
export const quadrants = { red: [190, 40, 40], green: [40, 150, 60], ochre: [210, 150, 40], blue: [40, 70, 180] };

async function paint(file, side = 1536) {
  const { red, green, ochre, blue } = quadrants;
  const header = Buffer.from(`P6\n${side} ${side}\n255\n`);
  const body = Buffer.alloc(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const left = x < side / 2;
      body.set(y < side / 2 ? (left ? red : green) : (left ? blue : ochre), (y * side + x) * 3);
    }
  }
  await writeFile(`${file}.ppm`, Buffer.concat([header, body]));
  execFileSync('opj_compress', ['-i', `${file}.ppm`, '-o', `${file}.jp2`, '-t', '512,512', '-n', '4', '-p', 'RPCL'], { stdio: 'ignore' });
  await rm(`${file}.ppm`);
}

// startTessera serves a folder with open/, login/, staff/ and tier/ pictures and two users.
// base is its public address, where that is not the one it listens on.
export async function startTessera(flags = [], base = undefined) {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-browser-'));
  await paint(join(dir, 'quadrants'));
  for (const set of ['open', 'login', 'staff', 'tier']) {
    await mkdir(join(dir, 'images', set), { recursive: true });
    await copyFile(join(dir, 'quadrants.jp2'), join(dir, 'images', set, 'quadrants.jp2'));
  }
  const rules = { items: [
    { name: 'open', images: ['open/**'], access: 'open' },
    { name: 'staff', images: ['staff/**'], access: 'groups', groups: ['staff'] },
    { name: 'login', images: ['login/**'], access: 'login' },
    { name: 'tier', images: ['tier/**'], access: 'login', tier: { scale: 8 } }] };
  await writeFile(join(dir, 'rules.json'), JSON.stringify(rules));
  const child = spawn(join(root, 'bin', 'tessera'), ['serve', '--images', join(dir, 'images'), '--data', join(dir, 'data'),
    '--listen', '127.0.0.1:0', '--ops-listen', '', '--initial-rules', join(dir, 'rules.json'),
    '--admin-user', administrator.email, '--admin-password', administrator.password, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (d) => { log += d; });
  const port = await new Promise((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (d) => { out += d; const m = out.match(/https?:\/\/[^\s/]+:(\d+)/); if (m) resolve(Number(m[1])); });
    child.on('exit', (code) => reject(new Error(`tessera ended with ${code}: ${out}${log}`)));
  });
  const listens = flags.includes('--listen') ? flags[flags.indexOf('--listen') + 1].split(':')[1] : port;
  const local = `http://127.0.0.1:${listens}`;
  const server = {
    port, base: base ?? `http://iiif.tessera.localhost:${port}`, local, origin: base ?? local,
    log: () => log,
    stop: () => new Promise((resolve) => { child.removeAllListeners('exit'); child.on('exit', async () => { await rm(dir, { recursive: true, force: true }); resolve(); }); child.kill('SIGTERM'); }),
  };
  await addReader(server);
  return server;
}

// startProvider runs the certified OpenID provider on a host name of another site than the
// server at base, which its own program reaches at call.
export async function startProvider(base, call, more = {}) {
  const child = spawn(join(root, 'scripts', 'op.sh'), { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, RP: base, RP_CALL: call, HOST: 'login.campus.localhost', ...more } });
  const issuer = await new Promise((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (d) => { out += d; const m = out.match(/ready (\S+)/); if (m) resolve(m[1]); });
    child.on('exit', (code) => reject(new Error(`the provider ended with ${code}`)));
  });
  return { issuer, stop: () => new Promise((resolve) => { child.removeAllListeners('exit'); child.on('exit', resolve); child.kill('SIGTERM'); }) };
}

// enter fills in the provider's own page.
export async function enter(page, name = 'alice') {
  await page.waitForURL('http://login.campus.localhost:*/**');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill('password');
  await page.getByRole('button', { name: 'Enter' }).click();
}

// freePort is one that nobody listens on.
export async function freePort() {
  const http = createServer();
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address();
  await new Promise((resolve) => http.close(resolve));
  return port;
}

// The API wants the administrator's session and a same-origin Origin.
export async function api(server, method, path, body) {
  server.cookies ??= await signIn(server, administrator);
  return fetch(`${server.local}/auth/admin/api/v1${path}`, {
    method, headers: { cookie: server.cookies, origin: server.origin, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
}

async function signIn(server, who) {
  const answer = await fetch(`${server.local}/auth/login`, {
    method: 'POST', redirect: 'manual', headers: { origin: server.origin, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email: who.email, password: who.password, next: '/' }) });
  if (answer.status !== 303) throw new Error(`sign-in answered ${answer.status}`);
  return answer.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
}

async function addReader(server) {
  const answer = await api(server, 'POST', '/users', { ...reader, name: 'Reader', groups: [], admin: false, active: true });
  if (!answer.ok) throw new Error(`adding the reader answered ${answer.status}: ${await answer.text()}`);
}

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.map': 'application/json' };

// startSite serves pages and npm packages on a host name that is not the images'.
export async function startSite() {
  const http = createServer(async (request, response) => {
    try {
      const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
      const body = await readFile(join(here, path.startsWith('/node_modules/') ? '.' : 'site', path));
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(body);
    } catch { response.writeHead(404).end(); }
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { base: `http://viewer.tessera.localhost:${http.address().port}`, stop: () => new Promise((resolve) => { http.closeAllConnections(); http.close(resolve); }) };
}

export const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export function startChromium() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
}

const axe = await readFile(join(here, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');

// clean wants axe to find nothing. The pages' policy forbids inline scripts, so the
// context has to be one that goes past it.
export async function clean(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), [], `axe on ${name}`);
}

// fits wants a page that does not scroll sideways.
export async function fits(page, name) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wider <= 0, `${name} scrolls ${wider} px sideways`);
}

const counters = new WeakMap(); // a page of each browser that counts pixels

// shares are the parts of a PNG's pixels within 24 of each colour in each channel, counted
// by the browser itself.
export async function shares(browser, png, colours) {
  if (!counters.has(browser)) counters.set(browser, browser.newPage());
  const page = await counters.get(browser);
  return page.evaluate(async ([data, wanted]) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data: p } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const hits = wanted.map(() => 0);
    for (let i = 0; i < p.length; i += 4) {
      wanted.forEach(([r, g, b], c) => { hits[c] += Math.abs(p[i] - r) < 24 && Math.abs(p[i + 1] - g) < 24 && Math.abs(p[i + 2] - b) < 24; });
    }
    return hits.map((n) => n / (bitmap.width * bitmap.height));
  }, [png.toString('base64'), colours]);
}

// shows waits until all four quadrants are in the page's picture (or none is).
export async function shows(browser, page, wanted, { least = 0.01, within = 20_000, name } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    const png = await page.screenshot(name && process.env.SHOTS ? { path: join(process.env.SHOTS, `${name}.png`) } : {});
    const parts = await shares(browser, png, Object.values(quadrants));
    const there = parts.filter((s) => s > least).length;
    if (there === (wanted ? 4 : 0)) return;
    if (Date.now() > deadline) throw new Error(`${wanted ? 'not all' : 'some'} of the picture is shown: ${parts.map((s) => s.toFixed(4))}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
