// Viewers of the same site and of others, over TLS, with third-party cookies allowed and
// blocked (R44), and with Storage Access Headers (R45). docs/browsers.md says what comes
// of it, and is held to it here.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { byPassword, fetches, happened, openClient, reached, signInTab, stops, tokenService } from './auth2.mjs';
import { allowStorage, openProfile, startStage } from './secure.mjs';
import { shows } from './support.mjs';

const image = 'login%2Fquadrants';
const hosts = { 'same site': 'viewer.archive.test', 'another site': 'viewer.elsewhere.test', listed: 'viewer.listed.test', stranger: 'viewer.stranger.test' };
let stage, front, server, counter, viewers;
before(async () => {
  stage = await startStage(hosts, (viewers) => ['--viewer-origins', viewers.listed]);
  ({ front, server, counter, viewers } = stage);
});
after(() => stage?.stop());

// signIn signs the reader in from a viewer and tells what the viewer makes of it.
async function signIn(context, page) {
  await byPassword(await signInTab(context, page));
  await page.waitForFunction(() => ['shown', 'refused'].includes(client.happened.at(-1)), undefined, { timeout: 30_000 });
  return (await happened(page)).at(-1);
}

// carryOn clicks for a viewer as somebody who is signed in.
async function carryOn(context, page) {
  const tab = await signInTab(context, page);
  await tab.getByRole('button', { name: /^continue as/i }).click();
  await reached(page, 'shown');
}

// whole goes on from the sign-in: tiles, sign-out, none.
async function whole(context, page) {
  await shows(counter, page, true);
  const logout = context.waitForEvent('page');
  await page.getByRole('button', { name: /sign out/i }).click();
  await (await logout).getByRole('heading', { name: 'You are signed out' }).waitFor();
  await stops(page, server, image);
  return 'works';
}

// apart is what a reader is told whose browser keeps the viewer apart, and that it is so:
// the image is shown on our own site.
async function apart(context, page) {
  assert.equal((await tokenService(page, server)).profile, 'missingAspect', 'R44');
  const told = await page.locator('#messages').textContent();
  const link = `${server.base}/view/${image}`;
  assert.ok(told.includes(link), `R44: no link to the viewer here in: ${told}`);
  const there = await context.newPage();
  await there.goto(link);
  await shows(counter, there, true);
  return 'is told to open it here';
}

const seen = {};
for (const [viewer, cookies] of [['same site', 'allowed'], ['same site', 'blocked'], ['another site', 'allowed'], ['another site', 'blocked']]) {
  test(`a viewer of ${viewer}, third-party cookies ${cookies} (R44)`, async (t) => {
    const { context, close } = await openProfile(front, cookies);
    t.after(close);
    const page = await openClient(context, viewers[viewer], server, image);
    const outcome = await signIn(context, page);
    seen[`${viewer}, ${cookies}`] = outcome === 'shown' ? await whole(context, page) : await apart(context, page);
  });
}

test('a viewer of another site that the reader allows our cookies there: one more request each, tiles (R45, H-005)', async (t) => {
  const { context, close } = await openProfile(front, 'blocked');
  t.after(close);
  const page = await openClient(context, viewers.listed, server, image);
  assert.equal(await signIn(context, page), 'refused');
  assert.equal(await fetches(page, server, image), 'refused', 'R45: pixels without leave');

  await allowStorage(context, page, viewers.listed, server.base);
  const before = front.passed.length;
  assert.equal(await fetches(page, server, image), 'shown', 'R45');
  const [first, second, ...more] = front.passed.slice(before);
  assert.deepEqual([first.status, first.sent['sec-fetch-storage-access'], first.sent.cookie], [401, 'inactive', undefined]);
  assert.equal(first.headers['activate-storage-access'], `retry; allowed-origin="${viewers.listed}"`);
  assert.deepEqual([second.url, second.status, second.sent['sec-fetch-storage-access']], [first.url, 200, 'active']);
  assert.deepEqual(more, [], 'R45: asked more than once again');
  await page.reload();
  await carryOn(context, page); // the token service's frame has leave as well
  seen['another site, blocked, leave given'] = await whole(context, page);
});

test('another viewer than the one that somebody signed in from needs a click of its own (D-032, R47)', async (t) => {
  const { context, close } = await openProfile(front, 'allowed');
  t.after(close);
  assert.equal(await signIn(context, await openClient(context, viewers['another site'], server, image)), 'shown');
  const page = await openClient(context, viewers.stranger, server, image);
  await reached(page, 'offers sign-in');
  assert.equal((await tokenService(page, server)).profile, 'invalidOrigin');
  assert.equal((await tokenService(page, server, { origin: viewers['another site'], patience: 1500 })).type, 'none', 'R47: a token for one viewer reached another');
  await carryOn(context, page);
});

test('the published table says what happened (R44)', async () => {
  const page = await readFile(new URL('../../docs/browsers.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| Chromium \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(([, viewer, cookies, outcome]) => [`${viewer}, ${cookies}`, outcome]);
  assert.deepEqual(Object.fromEntries(rows), seen);
});
