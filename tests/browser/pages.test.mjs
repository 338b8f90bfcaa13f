// The pages a person sees: they work, look whole and pass axe.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { administrator, reader, shows, startChromium, startTessera } from './support.mjs';

const axe = await readFile(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
let server, browser;
before(async () => {
  server = await startTessera();
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// The pages' policy forbids inline scripts; axe is put in past it.
const bypass = { bypassCSP: true, viewport: { width: 1200, height: 850 } };

async function clean(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), [], `axe on ${name}`);
}

async function signInByForm(page, who, next = '/') {
  await page.goto(`${server.local}/auth/login?next=${encodeURIComponent(next)}`);
  await page.getByLabel(/e-mail/i).fill(who.email);
  await page.getByLabel(/password/i).fill(who.password);
  await page.getByRole('button', { name: /sign in/i }).click();
}

for (const scheme of ['light', 'dark']) {
  test(`every page is clean to axe, ${scheme}`, async () => {
    const context = await browser.newContext({ ...bypass, colorScheme: scheme });
    const page = await context.newPage();
    for (const [name, path] of Object.entries({
      landing: '/', signin: '/auth/login', denied: '/view/login%2Fquadrants', 
      viewer: '/view/open%2Fquadrants', leaves: '/view?manifest=%2Fiiif%2Fgenerated%2Fopen',
      missing: '/view/open%2Fnothing',
      access: '/auth/2/members/access?origin=http%3A%2F%2Fviewer.tessera.localhost', signedout: '/auth/logout',
    })) {
      await page.goto(server.local + path, { waitUntil: 'networkidle' });
      await clean(page, `${name}-${scheme}`);
    }
    await signInByForm(page, administrator, '/auth/admin/');
    await page.waitForURL('**/auth/admin/');
    await clean(page, `admin-${scheme}`);
    await context.close();
  });
}

test('the viewer: sign in from a denied image, see it, sign out', async () => {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
  const page = await context.newPage();
  const denied = await page.goto(`${server.local}/view/login%2Fquadrants`);
  assert.equal(denied.status(), 401);
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await page.getByLabel(/e-mail/i).fill(reader.email);
  await page.getByLabel(/password/i).fill(reader.password);
  await page.getByRole('button', { name: /sign in/i }).click();
  await page.waitForURL('**/view/login%2Fquadrants');
  await shows(browser, page, true, { name: 'viewer-signed-in' });
  await page.getByRole('link', { name: 'Sign out' }).click();
  const after = await page.goto(`${server.local}/view/login%2Fquadrants`);
  assert.equal(after.status(), 401);
  await context.close();
});

test('a wrong password says so and keeps the address', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signInByForm(page, { ...reader, password: 'not this one' });
  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByLabel(/e-mail/i).inputValue(), reader.email);
  await context.close();
});

test('pages keep their promise: no script of strangers, no frame', async () => {
  const broken = [];
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('console', (m) => { if (/Content Security Policy/i.test(m.text())) broken.push(m.text()); });
  page.on('pageerror', (e) => broken.push(e.message));
  for (const path of ['/', '/auth/login', '/view/open%2Fquadrants', '/auth/admin/']) await page.goto(server.local + path);
  assert.deepEqual(broken, []);
  await context.close();
});
