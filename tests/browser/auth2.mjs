// The Authorization Flow 2.0 client of site/auth2.mjs as the tests drive it.
import assert from 'node:assert/strict';
import { reader } from './support.mjs';

// openClient opens the manifest of an image in the client.
export async function openClient(context, site, server, image) {
  const page = await context.newPage();
  await page.goto(`${site}/auth2.html?manifest=${encodeURIComponent(`${server.base}/iiif/generated/${image}`)}`);
  return page;
}

export const happened = (page) => page.evaluate(() => client.happened);

// reached waits until the client has come to a state.
export const reached = (page, state) => page.waitForFunction((s) => window.client?.happened.at(-1) === s, state, { timeout: 30_000 });

// signInTab clicks the client's offer and gives the tab that it opens.
export async function signInTab(context, page) {
  await reached(page, 'offers sign-in');
  const opened = context.waitForEvent('page');
  await page.getByRole('button', { name: /sign in/i }).click();
  return opened;
}

// fetches tells what an img of the page's own makes of pixels it has not asked for before.
let size = 100;
export function fetches(page, server, image) {
  return page.evaluate((src) => new Promise((resolve) => {
    const img = new Image();
    img.onload = () => resolve('shown');
    img.onerror = () => resolve('refused');
    img.src = src;
  }), `${server.base}/iiif/3/${image}/full/${++size},/0/default.jpg`);
}

// stops asks for pixels until they are refused. No request that begins a second after the
// end of a session was acknowledged may be granted (R24).
export async function stops(page, server, image) {
  const acknowledged = Date.now();
  for (;;) {
    const begun = Date.now();
    if (await fetches(page, server, image) === 'refused') return;
    assert.ok(begun - acknowledged < 1000, 'R24: pixels a second after the session was ended');
  }
}

// tokenService asks a token service from a page and gives its message.
export const tokenService = (page, server, options = {}) =>
  page.evaluate(([id, o]) => client.ask({ id }, o), [`${server.base}/auth/2/members/token`, options]);

// endSessions ends all that came by a provider, as an administrator.
export async function endSessions(api, server, provider) {
  const { items } = await (await api(server, 'GET', '/sessions')).json();
  const ended = items.filter((s) => s.provider === provider);
  assert.ok(ended.length > 0, `no session of ${provider} is listed`);
  for (const s of ended) assert.equal((await api(server, 'DELETE', `/sessions/${s.id}`)).status, 204);
}

// byPassword signs the reader in at the tab that the client opened.
export async function byPassword(tab) {
  const closed = tab.waitForEvent('close');
  await tab.getByLabel(/e-mail/i).fill(reader.email);
  await tab.getByLabel(/password/i).fill(reader.password);
  await tab.getByRole('button', { name: /^sign in/i }).click();
  await closed;
}
