// Pages that are an institution's own: logo, colours and words by settings, in two
// languages, light and dark by the reader's choice.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { administrator, api, reader, shares, startChromium, startTessera } from './support.mjs';

const axe = await readFile(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const ground = { light: [250, 247, 242], dark: [20, 22, 26] };
let server, browser, dir, stranger, elsewhere;
const strayed = []; // what browsers asked of another host

// A drawing that would run, follow and fetch all that a drawing can, past the check that
// refuses scripts outright.
const hostile = (host) => `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 48 48">
  <style>@import url("${host}/style.css"); @font-face { font-family: x; src: url("${host}/font.woff"); } text { font-family: x; }</style>
  <circle cx="24" cy="24" r="22" fill="none" stroke="#8c1f4e" stroke-width="2.5"/><path d="M24 4l5 15 15 5-15 5-5 15-5-15-15-5 15-5z" fill="#8c1f4e"/>
  <text x="0" y="9" font-size="1">x</text><image href="${host}/picture.png" width="1" height="1"/><use href="${host}/more.svg#a"/>
  <a id="trap" xlink:href="javascript:fetch('${host}/ran')"><rect width="48" height="48" fill-opacity="0.01"/></a>
  <foreignObject width="1" height="1"><iframe xmlns="http://www.w3.org/1999/xhtml" src="${host}/frame"></iframe></foreignObject>
</svg>`;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-brand-'));
  stranger = createServer((request, response) => {
    if (request.url === '/drawing') return response.setHeader('content-type', 'image/svg+xml').end(hostile(elsewhere));
    strayed.push(request.url);
    return response.end();
  });
  await new Promise((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  elsewhere = `http://127.0.0.1:${stranger.address().port}`;
  await writeFile(join(dir, 'logo.svg'), hostile(elsewhere));
  await writeFile(join(dir, 'texts.json'), JSON.stringify({ de: { 'signin.help': 'Kein Konto? Telefon 4711.' } }));
  server = await startTessera(['--site-name', 'Kartensammlung Beispielstadt', '--site-logo', join(dir, 'logo.svg'),
    '--site-accent', '#8c1f4e', '--site-texts', join(dir, 'texts.json')]);
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  stranger?.closeAllConnections();
  await new Promise((resolve) => stranger.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

async function clean(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`), [], `axe on ${name}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wider <= 0, `${name} scrolls ${wider} px sideways`);
}

async function everyPage() {
  const users = await (await api(server, 'GET', `/users?email=${reader.email}`)).json();
  const admin = ['', 'images', 'users', 'users/new', `users/${users.items[0].id}`, 'groups', 'sessions', 'rules', 'rules/edit',
    `explain?image=staff/quadrants&user=${reader.email}`, 'audit', '../account', '../password', '../ways'];
  return ['/', '/auth/login', '/view/staff%2Fquadrants', '/view/open%2Fquadrants', '/view?manifest=%2Fiiif%2Fgenerated%2Fopen', '/view/nothing', '/auth/nothing',
    '/auth/2/members/access?origin=http%3A%2F%2Fviewer.tessera.localhost', ...admin.map((path) => new URL(path, 'http://x/auth/admin/').href.slice('http://x'.length)), '/auth/logout'];
}

for (const [scheme, width] of [['light', 1200], ['dark', 1200], ['dark', 380], ['light', 380]]) {
  test(`every page in German and in the site's colours is clean to axe, ${scheme}, ${width} px wide`, async () => {
    const context = await browser.newContext({ bypassCSP: true, colorScheme: scheme, locale: 'de-DE', viewport: { width, height: 850 } });
    const page = await context.newPage();
    await page.goto(`${server.local}/auth/login?next=%2Fauth%2Fadmin%2F`);
    await page.getByText('Telefon 4711').waitFor();
    await page.getByLabel('E-Mail-Adresse').fill(administrator.email);
    await page.getByLabel('Passwort').fill(administrator.password);
    await page.getByRole('button', { name: 'Anmelden' }).click();
    await page.waitForURL('**/auth/admin/');
    for (const path of await everyPage()) {
      await page.goto(server.local + path, { waitUntil: 'load' });
      assert.equal(await page.locator('html').getAttribute('lang'), 'de', path);
      const logo = page.locator('.brand img.logo');
      await logo.waitFor();
      assert.ok(await logo.evaluate((img) => img.complete && img.naturalWidth > 0 && img.clientHeight >= 28), `no logo on ${path}`);
      assert.match(await page.title(), / · Kartensammlung Beispielstadt$/);
      await clean(page, `brand-${path.replace(/\W+/g, '-')}-${scheme}-${width}`);
    }
    await context.close();
  });
}

// Buttons at the end of a row must be within reach in a language with long words.
test('nothing of a table is cut off', async () => {
  const context = await browser.newContext({ locale: 'de-DE', viewport: { width: 1200, height: 850 } });
  const page = await context.newPage();
  await page.goto(`${server.local}/auth/login?next=%2Fauth%2Fadmin%2F`);
  await page.getByLabel('E-Mail-Adresse').fill(administrator.email);
  await page.getByLabel('Passwort').fill(administrator.password);
  await page.getByRole('button', { name: 'Anmelden' }).click();
  await page.waitForURL('**/auth/admin/');
  for (const path of await everyPage()) {
    if (path === '/auth/logout') continue;
    await page.goto(server.local + path, { waitUntil: 'load' });
    const cut = await page.evaluate(() => [...document.querySelectorAll('.table')].filter((t) => t.scrollWidth > t.clientWidth).map((t) => t.textContent.trim().slice(0, 60)));
    assert.deepEqual(cut, [], path);
  }
  await context.close();
});

test('a logo that would run and fetch does neither, in a page or by itself', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${elsewhere}/drawing`, { waitUntil: 'networkidle' });
  const ran = page.waitForRequest(`${elsewhere}/ran`);
  await page.mouse.click(640, 360); // the whole drawing is a trap
  await ran;
  for (const bait of ['/picture.png', '/style.css', '/frame']) assert.ok(strayed.includes(bait), `${bait} is no bait: ${strayed}`);
  await page.goto(server.local, { waitUntil: 'networkidle' });
  strayed.length = 0;
  for (const path of ['/assets/logo', '/auth/assets/logo', '/favicon.svg']) {
    const answer = await page.goto(server.local + path, { waitUntil: 'load' });
    assert.equal(answer.headers()['content-type'], 'image/svg+xml');
    await page.mouse.click(640, 360);
    assert.equal(await page.evaluate(() => self.origin), 'null', 'a drawing is of our origin');
  }
  await page.goto(server.local, { waitUntil: 'networkidle' }); // whatever was on its way has arrived
  assert.deepEqual(strayed, []);
  await context.close();
});

test('light and dark by choice, without a script, with the keyboard, on every part of the site', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, colorScheme: 'light', viewport: { width: 900, height: 700 } });
  const page = await context.newPage();
  const looks = async (scheme) => assert.ok((await shares(browser, await page.screenshot(), [ground[scheme]]))[0] > 0.5, `${page.url()} is not ${scheme}`);
  const choice = (name) => page.getByRole('group', { name: 'Colours of these pages' }).getByRole('button', { name, exact: true });
  // The answer to a choice leads back to where it was made: only what is pressed tells before from after.
  const chosen = async (name, path) => {
    await page.locator('button[aria-pressed=true]').and(choice(name)).waitFor();
    assert.equal(page.url(), server.local + path);
  };
  await page.goto(`${server.local}/view/login%2Fquadrants`);
  await looks('light');
  await choice('Dark').focus();
  await page.keyboard.press('Enter');
  await chosen('Dark', '/view/login%2Fquadrants');
  await looks('dark');
  await page.goto(`${server.local}/auth/login?next=%2F`);
  await looks('dark');
  await choice('Light').click();
  await chosen('Light', '/auth/login?next=%2F');
  await page.emulateMedia({ colorScheme: 'dark' });
  await looks('light');
  await choice('As my device').click();
  await chosen('As my device', '/auth/login?next=%2F');
  await looks('dark');
  await context.close();
});
