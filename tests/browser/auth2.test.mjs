// Clients of Authorization Flow 2.0 on a host name of their own: one that follows each
// step of the specification (D.6), with a reader who signs in by a provider of another
// site, what each error says, tokens that expire, sessions that end; and react-iiif-vault.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { byPassword, endSessions, fetches, happened, openClient, reached, signInTab, stops, tokenService } from './auth2.mjs';
import { api, enter, freePort, shows, startChromium, startProvider, startSite, startTessera } from './support.mjs';

let server, site, browser, provider;
before(async () => {
  const port = await freePort();
  provider = await startProvider(`http://iiif.tessera.localhost:${port}`, `http://127.0.0.1:${port}`);
  server = await startTessera(['--listen', `127.0.0.1:${port}`, '--token-lifetime', '10s', '--oidc-issuer', provider.issuer,
    '--oidc-client-id', 'tessera', '--oidc-client-secret', 'a secret of the client', '--oidc-label', 'Campus']);
  site = await startSite();
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
  await provider?.stop();
});

const image = 'login%2Fquadrants';
const newContext = () => browser.newContext({ viewport: { width: 900, height: 800 } });

test('sign-in by the provider, tiles, the session ended, none; logout by its service (D.6, D-100, R24)', async () => {
  const context = await newContext();
  const page = await openClient(context, site.base, server, image);
  const tab = await signInTab(context, page);
  await shows(browser, page, false, { name: 'auth2-denied' });
  await tab.getByRole('link', { name: 'Sign in with Campus' }).click();
  await enter(tab);
  await reached(page, 'shown');
  assert.deepEqual(await happened(page), ['probe without token: 401', 'offers sign-in', 'tab closed',
    'token service: AuthAccessToken2', 'probe with token: 200', 'shown']);
  await shows(browser, page, true, { name: 'auth2-signed-in' });

  await endSessions(api, server, 'default');
  await stops(page, server, image);
  assert.equal((await tokenService(page, server)).profile, 'invalidAspect');
  const denied = await openClient(context, site.base, server, image);
  const second = await signInTab(context, denied);
  await shows(browser, denied, false, { name: 'auth2-ended' });
  await second.getByRole('link', { name: 'Sign in with Campus' }).click(); // which knows the reader still
  await reached(denied, 'shown');
  await shows(browser, denied, true, { name: 'auth2-again' });

  const logout = context.waitForEvent('page');
  await denied.getByRole('button', { name: /sign out/i }).click();
  await (await logout).getByRole('heading', { name: 'You are signed out' }).waitFor();
  await stops(denied, server, image);
  assert.equal((await tokenService(denied, server)).profile, 'missingAspect');
  await context.close();
});

test('react-iiif-vault, untouched from npm: sign-in, tiles, sign-out, none (D.6, R49)', async () => {
  const context = await newContext();
  const page = await context.newPage();
  await page.goto(`${site.base}/vault.html?manifest=${encodeURIComponent(`${server.base}/iiif/generated/${image}`)}`);
  const told = page.getByRole('status').filter({ hasText: 'Sign in to see this image' });
  await told.waitFor();
  await shows(browser, page, false, { name: 'vault-denied' });
  const opened = context.waitForEvent('page');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await byPassword(await opened);
  await shows(browser, page, true, { name: 'vault-signed-in' });
  const logout = context.waitForEvent('page');
  await page.getByRole('button', { name: 'Sign out of Tessera' }).click();
  await (await logout).getByRole('heading', { name: 'You are signed out' }).waitFor();
  await page.reload();
  await told.waitFor();
  await stops(page, server, image);
  await shows(browser, page, false, { name: 'vault-signed-out' });
  await context.close();
});

test('the smaller image until somebody signs in (D-079, C-027)', async () => {
  const context = await newContext();
  const page = await openClient(context, site.base, server, 'tier%2Fquadrants');
  const tab = await signInTab(context, page);
  await shows(browser, page, true, { name: 'auth2-tier' });
  assert.equal(await page.evaluate(() => client.tiles.width), 192);
  assert.equal(await fetches(page, server, 'tier%2Fquadrants'), 'refused');
  await byPassword(tab);
  await reached(page, 'shown');
  await page.waitForFunction(() => client.tiles?.width === 1536);
  assert.deepEqual((await happened(page)).slice(0, 3), ['probe without token: 401', 'shown in part', 'offers sign-in']);
  await shows(browser, page, true, { name: 'auth2-tier-signed-in' });
  await context.close();
});

test('a token that has expired is renewed without a window, and opens no image itself (D-056, D-073, D-087)', async () => {
  const context = await newContext();
  const page = await openClient(context, site.base, server, image);
  await byPassword(await signInTab(context, page));
  await reached(page, 'shown');
  const held = () => page.evaluate(() => [...client.tokens.values()][0]);
  const probe = (token) => page.evaluate(async ([id, t]) => (await (await fetch(id, { headers: { Authorization: `Bearer ${t}` } })).json()).status,
    [`${server.base}/auth/probe/${image}`, token]);
  const { token } = await held();
  const bare = await fetch(`${server.local}/iiif/3/${image}/full/64,/0/default.jpg`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(bare.status, 401, 'D-087');
  await page.waitForFunction(() => [...client.tokens.values()][0].until < Date.now(), undefined, { polling: 250, timeout: 30_000 });
  for (const end = Date.now() + 20_000; await probe(token) !== 401;) assert.ok(Date.now() < end, 'D-056: a token that outlives its time');
  const before = (await happened(page)).length;
  await page.evaluate(() => client.look());
  assert.deepEqual((await happened(page)).slice(before), ['probe without token: 401', 'token service: AuthAccessToken2', 'probe with token: 200', 'shown']);
  assert.notEqual((await held()).token, token);
  assert.equal(context.pages().length, 1, 'a window was opened');
  await context.close();
});

test('what the token service says to whoever may not have a token (D-052, D-053, R47)', async () => {
  const context = await newContext();
  const page = await openClient(context, site.base, server, image);
  const tab = await signInTab(context, page);
  const missing = await tokenService(page, server, { messageId: 'm&"</script>1' });
  assert.equal(missing.messageId, 'm&"</script>1', 'D-055');
  assert.deepEqual([missing['@context'], missing.type, missing.profile], ['http://iiif.io/api/auth/2/context.json', 'AuthAccessTokenError2', 'missingAspect']);
  assert.match(missing.note.en[0], new RegExp(server.base), 'no way to the images themselves');
  assert.equal((await tokenService(page, server, { messageId: null })).profile, 'invalidRequest');

  // A reader who turns back: the tab closed without a session is no sign-in.
  await tab.close();
  await reached(page, 'refused');
  assert.match(await page.locator('#messages').textContent(), /Sign in/);
  await page.reload();
  await byPassword(await signInTab(context, page));
  await reached(page, 'shown');

  // Whatever page frames the token service, the browser gives the message to the origin
  // that was named alone; invalidOrigin is in sites.test.mjs.
  const stranger = 'http://viewer.elsewhere.localhost:1';
  assert.equal((await tokenService(page, server, { origin: stranger, patience: 1500 })).type, 'none', 'R47: an answer for another origin');
  assert.equal((await tokenService(page, server, { origin: null, patience: 1500 })).type, 'none', 'nobody to answer');
  assert.equal((await tokenService(page, server, { origin: 'null', patience: 1500 })).type, 'none', 'nobody to answer');
  await context.close();
});
