// Mirador 4 on a host name of its own, a reader who signs in by a provider of another
// site, an administrator who ends the session: tiles by the screenshot's pixels.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMirador, refused } from './mirador.mjs';
import { administrator, api, clean, enter, fits, freePort, shows, startChromium, startProvider, startSite, startTessera } from './support.mjs';

let server, site, browser, provider, dir;
before(async () => {
  const port = await freePort();
  dir = await mkdtemp(join(tmpdir(), 'tessera-provider-'));
  await writeFile(join(dir, 'tessera.yaml'), JSON.stringify({ oidc: [{ name: 'default', audience: 'https://iiif.example.edu' }] })); // JSON is YAML
  provider = await startProvider(`http://iiif.tessera.localhost:${port}`, `http://127.0.0.1:${port}`);
  server = await startTessera(['--listen', `127.0.0.1:${port}`, '--config', join(dir, 'tessera.yaml'), '--oidc-issuer', provider.issuer,
    '--oidc-client-id', 'tessera', '--oidc-client-secret', 'a secret of the client', '--oidc-label', 'Campus']);
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

const shot = async (page, name) => { if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` }); };

test('restricted in Mirador: by the provider, tiles, the session ended, none (C.7, R24, R35)', async () => {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  const { page, tiles } = await openMirador(context, site, server, 'login%2Fquadrants');
  const offer = page.getByRole('button', { name: /sign in|log in/i }).first();
  await offer.waitFor({ timeout: 30_000 });
  await refused(server, page, tiles);
  await shows(browser, page, false, { name: 'provider-denied' });

  const opened = context.waitForEvent('page');
  await offer.click();
  const confirm = page.getByRole('button', { name: /sign in|log in/i }).last();
  const popup = await Promise.race([opened, confirm.click({ timeout: 5000 }).then(() => opened, () => opened)]);
  const closed = popup.waitForEvent('close', { timeout: 30_000 });
  await popup.getByRole('link', { name: 'Sign in with Campus' }).waitFor();
  await shot(popup, 'provider-signin');
  await popup.getByRole('link', { name: 'Sign in with Campus' }).click();
  await enter(popup);
  await closed;
  await page.getByRole('button', { name: 'Sign out of Tessera' }).waitFor();
  for (let i = 0; i < 2; i++) await page.getByRole('button', { name: /zoom in/i }).click();
  await shows(browser, page, true, { name: 'provider-signed-in' });

  const { items } = await (await api(server, 'GET', '/sessions')).json();
  const session = items.find((s) => s.provider === 'default');
  assert.ok(session, 'no session of the provider is listed');
  assert.equal((await api(server, 'DELETE', `/sessions/${session.id}`)).status, 204);
  const { page: again, tiles: later } = await openMirador(context, site, server, 'login%2Fquadrants');
  await again.getByRole('button', { name: /sign in|log in/i }).first().waitFor({ timeout: 30_000 });
  await refused(server, again, later);
  await shows(browser, again, false, { name: 'provider-ended' });
  await context.close();
});

test('the built-in pages: by the provider, sign out here, then there', async () => {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
  const page = await context.newPage();
  await page.goto(`${server.base}/view/login%2Fquadrants`);
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Sign in with Campus' }).click();
  await enter(page);
  await page.waitForURL('**/view/login%2Fquadrants');
  await shows(browser, page, true, { name: 'provider-viewer' });
  await page.goto(`${server.base}/auth/ways`);
  await page.getByRole('cell', { name: 'alice@example.edu' }).waitFor();
  await shot(page, 'provider-ways');
  await page.goto(`${server.base}/auth/logout`);
  await shot(page, 'provider-signed-out');
  await page.getByRole('link', { name: 'Sign out of Campus as well' }).click();
  await page.getByRole('button', { name: /yes/i }).click();
  await page.waitForURL('**/auth/signed-out');
  await page.goto(`${server.base}/auth/oidc/default/start`);
  await page.waitForURL('http://login.campus.localhost:*/interaction/**'); // the provider asks again
  await context.close();
});

test('an account of here adds the provider, and is what it opens from then on (R50)', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.base}/auth/login?next=/auth/ways`);
  await page.getByLabel(/e-mail/i).fill(administrator.email);
  await page.getByLabel(/^password/i).fill(administrator.password);
  await page.getByRole('button', { name: /^sign in/i }).click();
  await page.getByRole('button', { name: 'Add Campus' }).click(); // a form of ours that leads elsewhere
  await enter(page, 'bob');
  await page.waitForURL('**/auth/ways');
  await page.getByRole('cell', { name: 'bob@example.edu' }).waitFor();
  await page.goto(`${server.base}/auth/logout`);
  await page.goto(`${server.base}/auth/login?next=/auth/admin/`);
  await page.getByRole('link', { name: 'Sign in with Campus' }).click();
  await page.waitForURL('**/auth/admin/'); // the Strict cookie came along
  await page.getByRole('heading', { level: 1 }).waitFor();
  await context.close();
});

// signedIn opens a page for administrators.
async function signedIn(context, path) {
  const page = await context.newPage();
  await page.goto(`${server.base}/auth/login?next=${encodeURIComponent(path)}`);
  await page.getByLabel(/e-mail/i).fill(administrator.email);
  await page.getByLabel(/^password/i).fill(administrator.password);
  await page.getByRole('button', { name: /^sign in/i }).click();
  await page.waitForURL(`${server.base}${path}`, { waitUntil: 'load' });
  return page;
}

test('administrators: what to register, whether it works, everybody signed out', async () => {
  const reading = await browser.newContext();
  const reader = await reading.newPage();
  await reader.goto(`${server.base}/auth/oidc/default/start?next=/view/login%252Fquadrants`);
  await enter(reader);
  await reader.waitForURL('**/view/**');
  const context = await browser.newContext();
  const page = await signedIn(context, '/auth/admin/providers');
  await page.getByRole('button', { name: 'Check Campus now' }).click();
  await page.getByRole('status').filter({ hasText: 'Campus was asked just now: Works.' }).waitFor();
  await page.getByText('At 1 of 1').waitFor(); // the keys of access tokens
  assert.equal(await page.locator('#default-redirect').textContent(), `${server.base}/auth/oidc/default/callback`);
  const shown = await page.content();
  assert.ok(!shown.includes('a secret of the client'), 'the secret of the client is shown (R34)');
  await page.getByRole('button', { name: 'Sign out everybody who signed in by Campus' }).click();
  await page.getByText('The sessions were ended.').waitFor();
  assert.equal((await reader.goto(`${server.base}/view/login%2Fquadrants`)).status(), 401);
  await Promise.all([context.close(), reading.close()]);
});

for (const [scheme, width] of [['light', 1200], ['dark', 1200], ['light', 380]]) {
  test(`providers are clean to axe, ${scheme}, ${width} px wide`, async () => {
    const context = await browser.newContext({ bypassCSP: true, colorScheme: scheme, viewport: { width, height: 850 } });
    const page = await signedIn(context, '/auth/admin/providers');
    const name = `providers-${scheme}-${width}`;
    await clean(page, name);
    await fits(page, name);
    await context.close();
  });
}
