// The pages a person sees: they work, look whole and pass axe.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { administrator, api, clean, fits, reader, shows, startChromium, startTessera } from './support.mjs';

let server, browser;
before(async () => {
  server = await startTessera();
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const bypass = { bypassCSP: true, viewport: { width: 1200, height: 850 } };

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
    await context.close();
  });
}

// Every page for administrators, in both schemes and on a narrow screen, by an address.
async function administration() {
  const users = await (await api(server, 'GET', `/users?email=${reader.email}`)).json();
  return {
    overview: '', images: 'images', folder: 'images?prefix=open/', accounts: 'users', add: 'users/new', account: `users/${users.items[0].id}`,
    groups: 'groups', group: 'group?name=staff', signins: 'sessions', providers: 'providers', rules: 'rules', edit: 'rules/edit', json: 'rules/json',
    explain: `explain?image=staff/quadrants&user=${reader.email}`, audit: 'audit?check=yes', own: '../account',
  };
}

for (const [scheme, width] of [['light', 1200], ['dark', 1200], ['light', 380]]) {
  test(`administration is clean to axe, ${scheme}, ${width} px wide`, async () => {
    const context = await browser.newContext({ bypassCSP: true, colorScheme: scheme, viewport: { width, height: 850 } });
    const page = await context.newPage();
    await signInByForm(page, administrator, '/auth/admin/');
    for (const [name, path] of Object.entries(await administration())) {
      await page.goto(`${server.local}/auth/admin/${path}`, { waitUntil: 'load' });
      await clean(page, `admin-${name}-${scheme}-${width}`);
      await fits(page, name);
    }
    await context.close();
  });
}

test('administration works without a script: a rule is previewed, then put in force', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await signInByForm(page, administrator, '/auth/admin/rules/edit');
  await page.locator('.rulelist summary', { hasText: 'staff' }).first().click();
  await page.getByLabel('Groups', { exact: true }).nth(1).fill('staff, map-room');
  await page.getByLabel('Who may see them').nth(1).selectOption('login');
  await page.getByRole('button', { name: 'Preview changes' }).click();
  await page.getByRole('alert').filter({ hasText: 'pays no attention to groups' }).or(page.locator('.fault')).first().waitFor();
  await page.getByLabel('Groups', { exact: true }).nth(1).fill('');
  await page.getByRole('button', { name: 'Preview changes' }).click();
  const row = page.getByRole('row', { name: /staff\/quadrants/ });
  await row.getByText('May see it').first().waitFor();
  assert.equal((await (await api(server, 'GET', '/rules')).json()).items[1].access, 'groups', 'a preview is in force');
  await page.getByRole('button', { name: 'Put in force' }).click();
  await page.getByText('The rules are in force.').waitFor();
  assert.equal((await (await api(server, 'GET', '/rules')).json()).items[1].access, 'login');
  await context.close();
});

test('administration with the keyboard: past the menu to the work, and a link to hand out', async () => {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  await signInByForm(page, administrator, '/auth/admin/users');
  await page.waitForURL(`${server.local}/auth/admin/users`, { waitUntil: 'load' });
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter'); // the skip link
  await page.waitForURL(/#/);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Add a person');
  await page.getByLabel('Part of an address or name').fill('reader');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: reader.email }).click();
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = await page.locator('#secret').textContent();
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
  const other = await (await browser.newContext()).newPage();
  await other.goto(link);
  await other.getByLabel('New password').fill(reader.password);
  await other.getByRole('button', { name: /sign in as/i }).click();
  await other.waitForURL(`${server.local}/`);
  await other.context().close();
  await context.close();
});

test('the overview looks again by itself, and what is kept can be forgotten', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signInByForm(page, administrator, '/auth/admin/');
  await page.getByRole('row', { name: /local.*At work/ }).first().waitFor();
  const looked = page.waitForResponse((r) => r.url() === `${server.local}/auth/admin/` && r.request().resourceType() === 'fetch');
  assert.equal((await looked).status(), 200);
  const cached = async () => (await fetch(`${server.local}/iiif/3/open%2Fquadrants/full/64,/0/default.jpg`)).headers.get('x-tessera-cache');
  await cached();
  assert.equal(await cached(), 'edge');
  await page.goto(`${server.local}/auth/admin/images?prefix=open/`);
  await page.getByRole('button', { name: /Forget what is kept of/ }).click();
  await page.getByText('were told to forget it').waitFor();
  let where;
  for (const end = Date.now() + 10_000; (where = await cached()) === 'edge' && Date.now() < end;) await new Promise((r) => setTimeout(r, 50));
  assert.notEqual(where, 'edge');
  await context.close();
});

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
  for (const path of ['/', '/auth/login', '/view/open%2Fquadrants']) await page.goto(server.local + path);
  await signInByForm(page, administrator, '/auth/admin/');
  for (const path of Object.values(await administration())) await page.goto(`${server.local}/auth/admin/${path}`, { waitUntil: 'networkidle' });
  assert.deepEqual(broken, []);
  await context.close();
});
