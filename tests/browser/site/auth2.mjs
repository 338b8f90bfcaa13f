// A client of IIIF Authorization Flow 2.0 that does what the specification says and no
// more, step by step: probe, cached tokens, access services from external to active, the
// token service in a hidden frame, the probe again. It shows with OpenSeadragon.
const order = ['external', 'kiosk', 'active'];
const tokens = new Map(); // by id of the token service: { token, until }
const happened = []; // for the tests: what was done, in order
let viewer, last;

window.client = { happened, tokens, ask, look: () => look(last), get tiles() { return viewer?.world.getItemAt(0)?.source; } };

const byType = (services, type) => [services ?? []].flat().filter((s) => s.type === type);
const say = (map) => Object.values(map ?? {}).flat().join(' ');
const state = (text) => { document.getElementById('state').textContent = text; happened.push(text); };

async function probe(service, token) {
  const answer = await fetch(service.id, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  const result = await answer.json();
  happened.push(`probe ${token ? 'with' : 'without'} token: ${result.status}`);
  return result;
}

// ask opens the token service in a hidden frame and waits for its one message.
function ask(service, { origin = location.origin, messageId = crypto.randomUUID(), patience = 10_000 } = {}) {
  const frame = document.createElement('iframe');
  const query = new URLSearchParams();
  if (messageId !== null) query.set('messageId', messageId);
  if (origin !== null) query.set('origin', origin);
  frame.src = `${service.id}?${query}`;
  frame.hidden = true;
  return new Promise((resolve) => {
    const end = (message) => { clearTimeout(timer); removeEventListener('message', take); frame.remove(); resolve(message); };
    const take = (event) => {
      if (event.source === frame.contentWindow && event.origin === new URL(service.id).origin && (event.data.messageId ?? '') === (messageId ?? '')) end(event.data);
    };
    const timer = setTimeout(() => end({ type: 'none' }), patience);
    addEventListener('message', take);
    document.body.append(frame);
  });
}

async function token(service) {
  const message = await ask(service);
  happened.push(`token service: ${message.profile ?? message.type}`);
  if (message.type !== 'AuthAccessToken2') return { error: message };
  tokens.set(service.id, { token: message.accessToken, until: Date.now() + message.expiresIn * 1000 });
  return { token: message.accessToken };
}

// visit opens an access service in a tab and waits until that is closed.
function visit(access) {
  const tab = window.open(`${access.id}?origin=${encodeURIComponent(location.origin)}`);
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (tab && !tab.closed) return;
      clearInterval(timer);
      happened.push('tab closed');
      resolve();
    }, 100);
  });
}

function clicked(access) {
  const offer = document.getElementById('offer');
  const button = document.createElement('button');
  button.textContent = say(access.confirmLabel);
  offer.replaceChildren(`${say(access.heading)} ${say(access.note)} `, button);
  state('offers sign-in');
  return new Promise((resolve) => button.addEventListener('click', () => { offer.replaceChildren(); resolve(visit(access)); }));
}

function show(service, what) {
  viewer?.destroy();
  viewer = OpenSeadragon({ element: document.getElementById('image'), showNavigationControl: false, drawer: 'canvas',
    animationTime: 0, immediateRender: true, tileSources: `${service.id ?? service['@id']}/info.json` });
  state(what);
}

// judge acts upon an answer of the probe; true ends the search.
function judge(resource, result) {
  if (result.status === 200) show(resource, 'shown');
  else if (result.status >= 300 && result.status < 400) show(result.location, 'shown from elsewhere');
  else if (result.substitute) show(result.substitute[0], 'shown in part');
  return result.status < 400;
}

function offerLogout(access) {
  for (const logout of byType(access.service, 'AuthLogoutService2')) {
    const button = document.createElement('button');
    button.textContent = say(logout.label);
    button.addEventListener('click', () => { tokens.clear(); window.open(logout.id); });
    document.getElementById('offer').replaceChildren(button);
  }
}

// look goes through the steps for one image.
async function look(resource) {
  last = resource;
  document.getElementById('messages').textContent = '';
  const [service] = byType(resource.service, 'AuthProbeService2');
  if (!service) return show(resource, 'shown');
  const heard = []; // the message of a token service, then of the probe, then of the description
  const settle = async (held) => {
    const result = await probe(service, held);
    heard.push(result.heading, result.note);
    return judge(resource, result);
  };
  if (await settle()) return;
  const accesses = byType(service.service, 'AuthAccessService2').sort((a, b) => order.indexOf(a.profile) - order.indexOf(b.profile));
  for (const access of accesses) {
    const [issuer] = byType(access.service, 'AuthAccessTokenService2');
    const held = tokens.get(issuer.id);
    if (held && held.until > Date.now() && await settle(held.token)) return offerLogout(access);
    if (held && held.until <= Date.now()) { // renewed without a word, where the session lasts
      const anew = await token(issuer);
      if (anew.token && await settle(anew.token)) return offerLogout(access);
    }
  }
  for (const access of accesses) {
    const [issuer] = byType(access.service, 'AuthAccessTokenService2');
    if (access.profile === 'kiosk') await visit(access);
    if (access.profile === 'active') await clicked(access);
    const got = await token(issuer);
    if (got.error) heard.unshift(got.error.heading, got.error.note);
    if (got.token && await settle(got.token)) return offerLogout(access);
  }
  heard.push(service.errorHeading, service.errorNote);
  document.getElementById('messages').textContent = heard.map(say).join(' ');
  state('refused');
}

const manifest = await (await fetch(new URLSearchParams(location.search).get('manifest'))).json();
const described = byType(manifest.items[0].items[0].items[0].body.service, 'ImageService3')[0];
await look(await (await fetch(`${described.id}/info.json`)).json());
