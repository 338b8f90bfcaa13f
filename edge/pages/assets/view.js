// The built-in viewer: one image by its info.json, or the canvases of a manifest.
(() => {
  const main = document.getElementById('main');
  const trouble = main.querySelector('.trouble');
  const say = (text) => { trouble.textContent = text; trouble.hidden = false; };

  const viewer = OpenSeadragon({
    id: 'image', showNavigationControl: false, showNavigator: true, navigatorPosition: 'TOP_RIGHT',
    maxZoomPixelRatio: 4, minZoomImageRatio: 0.8, visibilityRatio: 0.3, gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    immediateRender: false, animationTime: 0.6, drawer: 'canvas', crossOriginPolicy: false,
  });
  window.tesseraViewer = viewer;
  viewer.addHandler('open', () => { trouble.hidden = true; main.dataset.ready = 'true'; });
  viewer.addHandler('open-failed', () => say(main.dataset.failed));
  viewer.addHandler('tile-load-failed', () => say(main.dataset.partly));

  const act = {
    in: () => viewer.viewport.zoomBy(1.6).applyConstraints(),
    out: () => viewer.viewport.zoomBy(1 / 1.6).applyConstraints(),
    home: () => viewer.viewport.goHome(),
    turn: () => viewer.viewport.setRotation((viewer.viewport.getRotation() + 90) % 360),
    full: () => viewer.setFullScreen(!viewer.isFullPage()),
  };
  main.querySelectorAll('.tools button').forEach((b) => b.addEventListener('click', () => viewer.isOpen() && act[b.dataset.do]()));

  // pick finds what a canvas shows, in Presentation 3 or 2.
  const first = (x) => (Array.isArray(x) ? x[0] : x);
  const words = (label) => typeof label === 'string' ? label : first(Object.values(label || {}).flat().map((v) => v['@value'] || v)) || '';
  const pick = (canvas) => {
    const body = first(first(first(canvas.items)?.items)?.body) || first(canvas.images)?.resource || {};
    const services = [body.service].flat().filter(Boolean);
    const service = services.find((s) => s.type === 'ImageService3') || services[0];
    const base = service && (service.id || service['@id']);
    return { label: words(canvas.label), base, picture: body.id || body['@id'] };
  };

  // local keeps to this origin: the page's policy allows no other.
  const local = (url) => { const u = new URL(url, location.href); return u.host === location.host ? u.pathname : url; };

  const showManifest = async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(String(answer.status));
    const manifest = await answer.json();
    const leaves = (manifest.items || first(manifest.sequences)?.canvases || []).map(pick).filter((l) => l.base || l.picture);
    if (!leaves.length) { say(main.dataset.empty); return; }
    if (words(manifest.label)) document.title = `${words(manifest.label)} · ${main.dataset.site}`;
    const list = main.querySelector('.leaves');
    const open = (leaf, button) => {
      list.querySelectorAll('[aria-current]').forEach((b) => b.removeAttribute('aria-current'));
      button.setAttribute('aria-current', 'true');
      viewer.open(leaf.base ? `${local(leaf.base)}/info.json` : { type: 'image', url: local(leaf.picture) });
    };
    const buttons = leaves.map((leaf, i) => {
      const button = document.createElement('button');
      button.type = 'button';
      if (leaf.base) {
        const img = document.createElement('img');
        img.loading = 'lazy'; img.alt = ''; img.src = `${local(leaf.base)}/full/!152,96/0/default.jpg`;
        img.addEventListener('error', () => img.remove());
        button.append(img);
      }
      button.append(leaf.label || list.dataset.page.replace('%d', i + 1));
      button.addEventListener('click', () => open(leaf, button));
      const item = document.createElement('li');
      item.append(button);
      list.append(item);
      return button;
    });
    list.hidden = leaves.length < 2;
    open(leaves[0], buttons[0]);
  };

  if (main.dataset.info) viewer.open(main.dataset.info);
  else showManifest(main.dataset.manifest).catch(() => say(main.dataset.unread));
})();
