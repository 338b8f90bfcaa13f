// Sites with certificates, and Chromium with a profile of its own: what the tests of
// cookies need, which browsers treat by site and scheme.
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { flags, freePort, startChromium, startSite, startTessera } from './support.mjs';

const domains = ['archive.test', 'elsewhere.test', 'listed.test', 'stranger.test'];

// startFront ends TLS for the hosts of ports, which may be filled in later, as a reverse
// proxy does. pin is how browsers are told of its certificate, passed what went through.
export async function startFront(ports) {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-front-'));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=tests',
    '-addext', `subjectAltName=${domains.map((d) => `DNS:*.${d}`)}`, '-keyout', join(dir, 'key'), '-out', join(dir, 'cert')], { stdio: 'ignore' });
  const [key, cert] = await Promise.all(['key', 'cert'].map((name) => readFile(join(dir, name))));
  await rm(dir, { recursive: true });
  const passed = [];
  const https = createServer({ key, cert }, (incoming, outgoing) => {
    const port = ports[incoming.headers.host.split(':')[0]];
    if (!port) return outgoing.writeHead(502).end();
    const onward = request({ host: '127.0.0.1', port, method: incoming.method, path: incoming.url,
      headers: { ...incoming.headers, 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' } },
    (answer) => {
      passed.push({ url: incoming.url, sent: incoming.headers, status: answer.statusCode, headers: answer.headers });
      outgoing.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise((resolve) => https.listen(0, '127.0.0.1', resolve));
  const pin = createHash('sha256').update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  return {
    pin, passed, base: (host) => `https://${host}:${https.address().port}`,
    stop: () => new Promise((resolve) => { https.closeAllConnections(); https.close(resolve); }),
  };
}

// cookieModes are the choices of Chromium's own settings page. Debian's build begins with
// third-party cookies blocked, Google's with them allowed.
export const cookieModes = { allowed: 0, blocked: 1 };

// openProfile starts Chromium with a new profile, as a person has one. (What the driver
// calls a new context of a running browser is one of private windows.)
export async function openProfile(front, thirdParty) {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-profile-'));
  await mkdir(join(dir, 'Default'));
  await writeFile(join(dir, 'Default', 'Preferences'), JSON.stringify({ profile: { cookie_controls_mode: cookieModes[thirdParty] } }));
  const context = await chromium.launchPersistentContext(dir, { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', viewport: { width: 900, height: 800 },
    args: [...flags, '--host-resolver-rules=MAP *.test 127.0.0.1', `--ignore-certificate-errors-spki-list=${front.pin}`] });
  return { context, close: async () => { await context.close(); await rm(dir, { recursive: true, force: true, maxRetries: 5 }); } };
}

// allowStorage gives the pages of a site leave to use the cookies of another one there, as
// a person does who is asked for it. It lasts as long as the driver's session.
export async function allowStorage(context, page, origin, embedded) {
  const cdp = await context.newCDPSession(page);
  await cdp.send('Browser.setPermission', { permission: { name: 'storage-access' }, setting: 'granted', origin, embeddedOrigin: embedded });
}

// startStage starts a server behind the front, a site with viewers on several hosts, and a
// browser that counts pixels. more are flags of the server, made of the viewers' origins.
export async function startStage(hosts, more = () => []) {
  const ports = {}, viewers = {}, host = 'iiif.archive.test', started = [];
  const stop = async () => { for (const one of started.reverse()) await one(); };
  try {
    const front = await startFront(ports);
    started.push(() => front.stop());
    const site = await startSite();
    started.push(() => site.stop());
    for (const [name, viewer] of Object.entries(hosts)) {
      viewers[name] = front.base(viewer);
      ports[viewer] = new URL(site.base).port;
    }
    ports[host] = await freePort();
    const server = await startTessera(['--listen', `127.0.0.1:${ports[host]}`, '--public-url', front.base(host), '--trusted-proxies', '127.0.0.1/32',
      '--cookie-same-site', 'none', ...more(viewers)], front.base(host));
    started.push(() => server.stop());
    const counter = await startChromium();
    started.push(() => counter.close());
    return { front, server, counter, viewers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
