// Mirador 4, untouched from npm, on a host name of its own: a restricted image, the
// sign-in it offers, tiles in the screenshot's pixels, sign-out, no tiles.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { openMirador, refused } from './mirador.mjs';
import { reader, shows, startChromium, startSite, startTessera } from './support.mjs';

let server, site, browser;
before(async () => {
  server = await startTessera();
  site = await startSite();
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
});

// fillIn signs the reader in at the window that Mirador opened.
async function fillIn(popup) {
  await popup.getByLabel(/e-mail/i).fill(reader.email);
  await popup.getByLabel(/password/i).fill(reader.password);
  await popup.getByRole('button', { name: /sign in/i }).click();
}

test('an open image needs nobody (G-M-2)', async () => {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  const { page } = await openMirador(context, site, server, 'open%2Fquadrants');
  await shows(browser, page, true, { name: 'mirador-open' });
  await context.close();
});

test('a restricted image: sign-in, tiles, sign-out, none (C.7, G-M-1 to G-M-9)', async () => {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  const { page, tiles } = await openMirador(context, site, server, 'login%2Fquadrants');

  const offer = page.getByRole('button', { name: /sign in|log in/i }).first();
  await offer.waitFor({ timeout: 30_000 });
  await refused(server, page, tiles);
  await shows(browser, page, false, { name: 'mirador-denied' });

  const opened = context.waitForEvent('page');
  await offer.click();
  const confirm = page.getByRole('button', { name: /sign in|log in/i }).last();
  const popup = await Promise.race([opened, confirm.click({ timeout: 5000 }).then(() => opened, () => opened)]);
  const closed = popup.waitForEvent('close', { timeout: 30_000 });
  await fillIn(popup);
  await closed;
  // Mirador asked for tiles while it was refused (G-M-10) and does not ask for those
  // again; the reader zooms in to a level that is new to it.
  await page.getByRole('button', { name: 'Sign out of Tessera' }).waitFor();
  for (let i = 0; i < 2; i++) await page.getByRole('button', { name: /zoom in/i }).click();
  await shows(browser, page, true, { name: 'mirador-signed-in' });

  const logout = context.waitForEvent('page');
  await page.getByRole('button', { name: /sign out|log out/i }).first().click();
  await (await logout).waitForLoadState();
  tiles.length = 0;
  const { page: again, tiles: later } = await openMirador(context, site, server, 'login%2Fquadrants');
  await again.getByRole('button', { name: /sign in|log in/i }).first().waitFor({ timeout: 30_000 });
  await refused(server, again, later);
  await shows(browser, again, false, { name: 'mirador-signed-out' });
  await context.close();
});
