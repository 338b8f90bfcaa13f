// A provider whose pages send Cross-Origin-Opener-Policy, in front of viewers that watch
// whether the tab they opened is closed (H-020, H-021, R48).
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { happened, openClient, reached, signInTab } from './auth2.mjs';
import { openMirador } from './mirador.mjs';
import { clean, enter, freePort, reader, shows, startChromium, startProvider, startSite, startTessera } from './support.mjs';

let server, site, browser, provider, dir;
before(async () => {
  const port = await freePort();
  provider = await startProvider(`http://iiif.tessera.localhost:${port}`, `http://127.0.0.1:${port}`, { COOP: 'same-origin' });
  dir = await mkdtemp(join(tmpdir(), 'tessera-popup-'));
  const client = { issuer: provider.issuer, 'client-id': 'tessera', 'client-secret': 'a secret of the client' };
  const oidc = [{ name: 'default', label: 'Campus', popup: true, ...client }, { name: 'plain', label: 'Campus in this tab', ...client }];
  await writeFile(join(dir, 'tessera.yaml'), JSON.stringify({ oidc })); // JSON is YAML
  server = await startTessera(['--listen', `127.0.0.1:${port}`, '--config', join(dir, 'tessera.yaml')]);
  site = await startSite();
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
  await provider?.stop();
  if (dir) await rm(dir, { recursive: true });
});

const image = 'login%2Fquadrants';
const newContext = (more = {}) => browser.newContext({ viewport: { width: 1100, height: 800 }, ...more });

// apart clicks a provider's button in a viewer's tab and gives the window that it opens.
async function apart(context, tab) {
  const opened = context.waitForEvent('page');
  await tab.getByRole('link', { name: 'Sign in with Campus', exact: true }).click();
  await tab.getByText('this page then goes on by itself').waitFor();
  return opened;
}

test('in the viewer\'s tab, such a provider makes the viewer give up before anybody signed in (H-020)', async () => {
  const context = await newContext();
  const page = await openClient(context, site.base, server, image);
  const tab = await signInTab(context, page);
  await tab.getByRole('link', { name: 'Sign in with Campus in this tab' }).click();
  await tab.getByLabel('Password').waitFor();
  await reached(page, 'refused');
  assert.ok((await happened(page)).includes('tab closed'), 'the policy is not in force, so nothing here is proven');
  assert.equal(tab.isClosed(), false);
  await context.close();
});

test('in a window of its own: the viewer waits, the tab closes, tiles (H-021, D.6)', async () => {
  const context = await newContext();
  const broken = []; // promises of the pages' policy, R62
  context.on('console', (m) => { if (/Content Security Policy/i.test(m.text())) broken.push(m.text()); });
  const page = await openClient(context, site.base, server, image);
  const tab = await signInTab(context, page);
  const own = await apart(context, tab);
  const closed = Promise.all([own.waitForEvent('close'), tab.waitForEvent('close')]);
  await own.getByLabel('Password').waitFor();
  assert.equal((await happened(page)).at(-1), 'offers sign-in', 'H-020: the viewer takes its tab for closed');
  await enter(own);
  await closed;
  await reached(page, 'shown');
  await shows(browser, page, true, { name: 'popup-signed-in' });
  assert.deepEqual(broken, []);
  await context.close();
});

for (const [colorScheme, width] of [['light', 1000], ['dark', 380]]) {
  test(`the tab that waits is clean to axe, ${colorScheme}, ${width} px wide`, async () => {
    const context = await newContext({ bypassCSP: true, colorScheme, viewport: { width, height: 800 } });
    const tab = await context.newPage();
    await tab.goto(`${server.base}/auth/2/members/access?origin=${encodeURIComponent(site.base)}`);
    await apart(context, tab);
    await clean(tab, `popup-waiting-${colorScheme}-${width}`);
    await context.close();
  });
}

test('Mirador waits as well (H-021, G-M-4)', async () => {
  const context = await newContext();
  const { page } = await openMirador(context, site, server, image);
  const offer = page.getByRole('button', { name: /sign in|log in/i }).first();
  await offer.waitFor({ timeout: 30_000 });
  const opened = context.waitForEvent('page');
  await offer.click();
  const confirm = page.getByRole('button', { name: /sign in|log in/i }).last();
  const tab = await Promise.race([opened, confirm.click({ timeout: 5000 }).then(() => opened, () => opened)]);
  const own = await apart(context, tab);
  const closed = tab.waitForEvent('close');
  await enter(own);
  await closed;
  await page.getByRole('button', { name: 'Sign out of Tessera' }).waitFor();
  for (let i = 0; i < 2; i++) await page.getByRole('button', { name: /zoom in/i }).click();
  await shows(browser, page, true, { name: 'popup-mirador' });
  await context.close();
});

test('who turns back at the provider begins again in that window, by password even (H-021)', async () => {
  const context = await newContext();
  const page = await openClient(context, site.base, server, image);
  const tab = await signInTab(context, page);
  const own = await apart(context, tab);
  await own.getByLabel('Password').waitFor();
  const waiter = new URL(await tab.locator('[data-apart]').first().getAttribute('data-apart'), server.base).searchParams.get('waiter');
  const closed = Promise.all([own.waitForEvent('close'), tab.waitForEvent('close')]);
  await own.goto(`${server.base}/auth/2/members/access?waiter=${waiter}&origin=${encodeURIComponent(site.base)}`); // as “Begin again” does
  await own.getByLabel(/e-mail/i).fill(reader.email);
  await own.getByLabel(/password/i).fill(reader.password);
  await own.getByRole('button', { name: /^sign in/i }).click();
  await closed;
  await reached(page, 'shown');
  await context.close();
});

test('a blocked window, or no script: the tab goes to the provider itself (H-021)', async () => {
  const access = `${server.base}/auth/2/members/access?origin=${encodeURIComponent(site.base)}`;
  const blocked = await newContext();
  await blocked.addInitScript(() => { window.open = () => null; }); // as a browser answers that blocks it
  const scriptless = await newContext({ javaScriptEnabled: false });
  for (const context of [blocked, scriptless]) {
    const tab = await context.newPage();
    await tab.goto(access);
    await tab.getByRole('link', { name: 'Sign in with Campus', exact: true }).click();
    await enter(tab);
    await tab.waitForURL(`${server.base}/auth/done`);
    assert.equal(context.pages().length, 1);
    await context.close();
  }
});
