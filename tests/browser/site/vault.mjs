// react-iiif-vault, untouched from npm, with its own sign-in: its components and hooks do
// all of Authorization Flow 2.0; this page draws the button that they ask for.
const packages = { react: 'react/cjs/react.production.js', scheduler: 'scheduler/cjs/scheduler.production.js',
  'react-dom': 'react-dom/cjs/react-dom.production.js', 'react-dom/client': 'react-dom/cjs/react-dom-client.production.js' };
const loaded = {};
for (const [name, path] of Object.entries(packages)) { // React comes as CommonJS alone
  const module = { exports: {} };
  new Function('module', 'exports', 'require', await (await fetch(`/node_modules/${path}`)).text())(module, module.exports, (wanted) => loaded[wanted]);
  loaded[name] = module.exports;
}
window.React = loaded.react;
window.ReactDOM = loaded['react-dom'];
await new Promise((resolve, reject) => {
  const script = document.createElement('script');
  Object.assign(script, { src: '/node_modules/react-iiif-vault/dist/bundle.global.js', onload: resolve, onerror: reject });
  document.head.append(script);
});

const { Auth, AuthProvider, CanvasPanel, useCurrentAuth } = window.ReactIIIFVault;
const h = React.createElement;
const words = (map) => Object.values(map ?? {}).flat().join(' ');

function Gate() {
  const { authItems, currentAuth, login, logout } = useCurrentAuth();
  const item = authItems[currentAuth];
  if (!item) return null;
  const out = item.service.service.find((s) => s.type === 'AuthLogoutService2');
  return item.isLoggedIn
    ? h('button', { onClick: logout }, words(out.label))
    : h('div', null, words(item.service.heading), ' ', h('button', { onClick: login }, words(item.service.confirmLabel)), h('p', { id: 'error' }, item.error));
}

function Told({ heading, note }) { return h('p', { role: 'status' }, words(heading), ' ', words(note)); }

const manifest = new URLSearchParams(location.search).get('manifest');
const { items } = await (await fetch(manifest)).json();
const service = items[0].items[0].items[0].body.service.find((s) => s.type === 'ImageService3');
const image = await (await fetch(`${service.id}/info.json`)).json();
loaded['react-dom/client'].createRoot(document.getElementById('root')).render(h(AuthProvider, null, h(Gate),
  h(Auth, { resource: image, errorComponent: Told, children: () => h(CanvasPanel, { manifest, height: 600 }) })));
