// Mirador as the tests drive it.
import assert from 'node:assert/strict';

// openMirador opens the manifest of an image and counts what becomes of its tiles.
export async function openMirador(context, site, server, image) {
  const page = await context.newPage();
  const tiles = []; // 'failed' is what an image becomes that the browser keeps from the page
  const isTile = (r) => /\/iiif\/2\/.*\/default\.jpg$/.test(r.url());
  page.on('response', (r) => { if (isTile(r)) tiles.push(r.status()); });
  page.on('requestfailed', (r) => { if (isTile(r)) tiles.push('failed'); });
  await page.goto(`${site.base}/mirador.html?manifest=${encodeURIComponent(`${server.base}/iiif/generated/${image}`)}`);
  return { page, tiles };
}

// refused tells that a viewer page with what cookies it has gets no pixels: Mirador, once
// nothing of its is under way any more, and an img of the page's own, which also shows
// that refusals are counted here.
export async function refused(server, page, tiles) {
  await page.waitForLoadState('networkidle');
  const outcome = await page.evaluate((src) => new Promise((resolve) => {
    const img = new Image();
    img.onload = () => resolve('shown');
    img.onerror = () => resolve('refused');
    img.src = src;
  }), `${server.base}/iiif/2/login%2Fquadrants/full/200,/0/default.jpg`);
  assert.equal(outcome, 'refused');
  assert.ok(tiles.length > 0, 'no refusal was counted');
  assert.deepEqual(tiles.filter((status) => status !== 401 && status !== 'failed'), []);
}
