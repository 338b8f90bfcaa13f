// An OpenID provider (npm oidc-provider, certified) for tests: code with PKCE alone,
// refresh tokens that are used once, RP-initiated and back-channel logout. It listens
// on a port of its own and prints "ready ISSUER". For each line "rotate" on its standard
// input it signs by a new key from then on, publishes it beside those it had, and prints
// "rotated".
//   RP=http://127.0.0.1:8080  the server that signs people in by it, at which it calls back
//   HOST=127.0.0.1            host name of the issuer
//   COOP=same-origin          opener policy that its pages send, none if unset
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';
import MemoryAdapter from './node_modules/oidc-provider/lib/adapters/memory_adapter.js';

const rp = process.env.RP, host = process.env.HOST ?? '127.0.0.1';
const call = process.env.RP_CALL ?? rp; // where its own program reaches the server
const users = {
  alice: { password: 'password', name: 'Alice Reader', email: 'alice@example.edu', groups: ['staff'] },
  bob: { password: 'password', name: 'Bob Public', email: 'bob@example.edu', groups: [] },
};

const http = createServer();
await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
const issuer = `http://${host}:${http.address().port}`;
const configuration = {
  adapter: class extends MemoryAdapter {}, // one memory for all that follow one another below
  clients: [{
    client_id: 'tessera', client_secret: 'a secret of the client',
    redirect_uris: [`${rp}/auth/oidc/default/callback`, `${rp}/auth/oidc/plain/callback`], post_logout_redirect_uris: [`${rp}/auth/signed-out`],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
    backchannel_logout_uri: `${call}/auth/oidc/default/backchannel-logout`, backchannel_logout_session_required: true,
  }],
  pkce: { required: () => true },
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'offline_access', 'groups'],
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  // Its guard against calling special addresses would keep it from calling this machine.
  fetch: (url, { dispatcher, ...options } = {}) => fetch(url, options),
  cookies: { keys: ['for tests only'] },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (_, sub) => users[sub] && {
    accountId: sub,
    claims: async () => ({ sub, name: users[sub].name, email: users[sub].email, email_verified: true, groups: users[sub].groups }),
  },
  // The institution's own server: nobody is asked for consent.
  loadExistingGrant: async (ctx) => {
    const known = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
    const grant = (known && await ctx.oidc.provider.Grant.find(known))
      ?? new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid profile email groups offline_access');
    await grant.save();
    return grant;
  },
};

// The keys of a provider are for its life: with a new one comes a new provider.
const keys = [];
let provider;
function rotate() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys.unshift({ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' });
  provider = new Provider(issuer, { ...configuration, jwks: { keys } });
  provider.on('server_error', (_, error) => console.error(error));
  provider.on('backchannel.error', (_, error) => console.error('back-channel logout:', error.message, error.cause?.message));
}
rotate();
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line !== 'rotate') return;
  rotate();
  console.log('rotated');
});
http.on('request', async (request, response) => {
  if (process.env.COOP) response.setHeader('cross-origin-opener-policy', process.env.COOP);
  if (!request.url.startsWith('/interaction/')) return provider.callback()(request, response);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    return response.end('<!doctype html><html lang="en"><title>Campus</title><h1>Campus sign-in</h1><form method="post"><label>Name <input name="login"></label> <label>Password <input name="password" type="password"></label> <button>Enter</button></form>');
  }
  let body = '';
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body), user = users[form.get('login')];
  if (user?.password !== form.get('password')) {
    response.statusCode = 401;
    return response.end('wrong');
  }
  await provider.interactionFinished(request, response, { login: { accountId: form.get('login') } }, { mergeWithLastSubmission: false });
});
console.log('ready', issuer);
