// Google's own client against the sandbox: calls whose outcome Google documents. What is checked
// beside the outcome: at the end the sandbox may have noted nothing that Google would refuse.
import assert from 'node:assert/strict';
import http from 'node:http';
import { calendar as makeCalendar } from '@googleapis/calendar';
import { OAuth2Client, JWT, CodeChallengeMethod } from 'google-auth-library';
import { Sandbox, INSTALLED, WEB, SCOPE, test, runAll } from './lib/sandbox.mjs';

// What the client throws for an answer that is not 2xx.
async function refused(promise, status, reason) {
  let error;
  try {
    await promise;
  } catch (e) {
    error = e;
  }
  assert.ok(error, `expected ${status} ${reason}, got success`);
  assert.equal(error.response?.status, status, error.message);
  const data = error.response.data;
  if (reason) {
    const got = data?.error?.errors?.[0]?.reason ?? data?.error;
    assert.equal(got, reason, JSON.stringify(data));
  }
  return data;
}

function oauth(s, client, extra = {}) {
  return new OAuth2Client({
    clientId: client.id, clientSecret: client.secret, redirectUri: client.redirect,
    endpoints: s.endpoints, ...extra,
  });
}

async function connect(s, scopes, options = {}) {
  const client = oauth(s, options.client ?? INSTALLED);
  const { codeVerifier, codeChallenge } = await client.generateCodeVerifierAsync();
  const url = client.generateAuthUrl({
    scope: scopes, state: 'st', access_type: 'offline', prompt: 'consent',
    code_challenge: codeChallenge, code_challenge_method: CodeChallengeMethod.S256,
  });
  const back = await s.consent(url, 'allow', options.account);
  const { tokens } = await client.getToken({ code: back.searchParams.get('code'), codeVerifier });
  client.setCredentials(tokens);
  return { client, tokens, back, codeVerifier };
}

function api(s, auth) {
  return makeCalendar({ version: 'v3', auth, rootUrl: s.url, retry: false });
}

async function scoped(s, ...scopes) {
  const { access_token } = await s.post('token', { scopes: scopes.map((x) => SCOPE + x) });
  const client = oauth(s, INSTALLED);
  client.setCredentials({ access_token });
  return api(s, client);
}

const at = (day, hour) => `2026-03-${String(day).padStart(2, '0')}T${String(hour).padStart(2, '0')}:00:00+01:00`;
const timed = (summary, day, hour = 10) => ({
  summary, start: { dateTime: at(day, hour) }, end: { dateTime: at(day, hour + 1) },
});
const weekly = (summary, day, count) => ({
  summary, recurrence: [`RRULE:FREQ=WEEKLY;COUNT=${count}`],
  start: { dateTime: at(day, 10), timeZone: 'Europe/Berlin' },
  end: { dateTime: at(day, 11), timeZone: 'Europe/Berlin' },
});

// -- OAuth ------------------------------------------------------------------------------------

test('oauth: code exchange with PKCE gives access and refresh token', async ({ s }) => {
  const { tokens, back } = await connect(s, [`${SCOPE}calendar.events`]);
  assert.match(tokens.access_token, /^ya29\./);
  assert.ok(tokens.refresh_token);
  assert.equal(tokens.token_type, 'Bearer');
  assert.equal(tokens.scope, `${SCOPE}calendar.events`);
  assert.equal(back.searchParams.get('state'), 'st');
  assert.equal(back.searchParams.get('scope'), `${SCOPE}calendar.events`);
});

test('oauth: a code works once', async ({ s }) => {
  const { client, back, codeVerifier } = await connect(s, [`${SCOPE}calendar`]);
  await refused(client.getToken({ code: back.searchParams.get('code'), codeVerifier }),
    400, 'invalid_grant');
});

test('oauth: a wrong verifier is refused', async ({ s }) => {
  const client = oauth(s, INSTALLED);
  const { codeChallenge } = await client.generateCodeVerifierAsync();
  const back = await s.consent(client.generateAuthUrl({
    scope: `${SCOPE}calendar`, state: 'x', code_challenge: codeChallenge,
    code_challenge_method: CodeChallengeMethod.S256,
  }));
  await refused(client.getToken({ code: back.searchParams.get('code'), codeVerifier: 'x'.repeat(43) }),
    400, 'invalid_grant');
});

test('oauth: denying redirects with access_denied and the state', async ({ s }) => {
  const back = await s.consent(oauth(s, INSTALLED).generateAuthUrl({
    scope: `${SCOPE}calendar`, state: 'abc',
  }), 'deny');
  assert.equal(back.searchParams.get('error'), 'access_denied');
  assert.equal(back.searchParams.get('state'), 'abc');
  assert.equal(back.searchParams.get('code'), null);
});

test('oauth: a redirect_uri that is not registered shows a page, no redirect', async ({ s }) => {
  const bad = { ...WEB, redirect: 'http://127.0.0.1:8086/callback' };
  const r = await fetch(oauth(s, bad).generateAuthUrl({ scope: `${SCOPE}calendar`, state: 'x' }),
    { redirect: 'manual' });
  assert.equal(r.status, 400);
  assert.match(await r.text(), /redirect_uri_mismatch/);
});

test('oauth: redirect_uri must be the same in both calls', async ({ s }) => {
  const back = await s.consent(oauth(s, INSTALLED).generateAuthUrl({ scope: `${SCOPE}calendar`, state: 'x' }));
  const other = oauth(s, { ...INSTALLED, redirect: 'http://127.0.0.1:43211/callback' });
  await refused(other.getToken(back.searchParams.get('code')), 400, 'redirect_uri_mismatch');
});

test('oauth: a wrong client secret is 401 invalid_client', async ({ s }) => {
  const back = await s.consent(oauth(s, INSTALLED).generateAuthUrl({ scope: `${SCOPE}calendar`, state: 'x' }));
  await refused(oauth(s, { ...INSTALLED, secret: 'wrong' }).getToken(back.searchParams.get('code')),
    401, 'invalid_client');
});

test('oauth: refreshing gives an access token and no refresh token', async ({ s }) => {
  const { client, tokens } = await connect(s, [`${SCOPE}calendar`]);
  const { credentials, res } = await client.refreshAccessToken();
  assert.notEqual(credentials.access_token, tokens.access_token);
  assert.equal(res.data.refresh_token, tokens.refresh_token); // the client keeps the old one
  const { tokens: again } = await client.refreshToken(tokens.refresh_token);
  assert.equal(again.refresh_token, undefined);
});

test('oauth: an expired access token is refreshed by the client on its own', async ({ s }) => {
  const { client } = await connect(s, [`${SCOPE}calendar`]);
  client.forceRefreshOnFailure = true;
  await s.post('expire', { access_tokens: true });
  const { data } = await api(s, client).calendars.get({ calendarId: 'primary' });
  assert.equal(data.id, 'user1@example.com');
});

test('oauth: without a refresh token an expired access token is 401 authError', async ({ s }) => {
  const { client } = await connect(s, [`${SCOPE}calendar`]);
  client.setCredentials({ access_token: client.credentials.access_token });
  await s.post('expire', { access_tokens: true });
  await refused(api(s, client).colors.get(), 401, 'authError');
});

test('oauth: consent can grant less than was asked', async ({ s }) => {
  await s.post('config', { granted_scopes: [`${SCOPE}calendar.events.readonly`] });
  const { tokens } = await connect(s, [`${SCOPE}calendar`, `${SCOPE}calendar.events.readonly`]);
  await s.post('config', { granted_scopes: null });
  assert.equal(tokens.scope, `${SCOPE}calendar.events.readonly`);
});

test('oauth: revoking either token kills the grant', async ({ s }) => {
  const { client, tokens } = await connect(s, [`${SCOPE}calendar`]);
  await client.revokeToken(tokens.access_token);
  await refused(client.refreshAccessToken(), 400, 'invalid_grant');
});

function jwt(s, extra = {}) {
  const client = new JWT({
    email: s.key.client_email, key: s.key.private_key, keyId: s.key.private_key_id,
    scopes: [`${SCOPE}calendar`], ...extra,
  });
  // The library's token URL is a constant: send the same request here.
  const send = client.transporter.request.bind(client.transporter);
  client.transporter.request = (o) => {
    const url = new URL(o.url);
    return send({ ...o, retry: false, url: new URL(url.pathname, s.url) });
  };
  return client;
}

test('service account: a signed JWT is exchanged, and acts for the delegated user', async ({ s }) => {
  const { data } = await api(s, jwt(s, { subject: 'user1@example.com' }))
    .calendars.get({ calendarId: 'primary' });
  assert.equal(data.id, 'user1@example.com');
});

test('service account: without a subject `primary` is its own calendar', async ({ s }) => {
  const { data } = await api(s, jwt(s)).calendars.get({ calendarId: 'primary' });
  assert.equal(data.id, s.key.client_email);
});

test('service account: an unknown subject is invalid_grant', async ({ s }) => {
  await assert.rejects(jwt(s, { subject: 'nobody@example.com' }).authorize(), /invalid_grant/);
});

// -- scopes -----------------------------------------------------------------------------------

test('scopes: calendar.events allows no calendarList', async ({ s }) => {
  const c = await scoped(s, 'calendar.events');
  const data = await refused(c.calendarList.list(), 403, 'insufficientPermissions');
  assert.equal(data.error.status, 'PERMISSION_DENIED');
  assert.equal(data.error.details[0].reason, 'ACCESS_TOKEN_SCOPE_INSUFFICIENT');
});

test('scopes: calendar.events allows no calendars.get, colors, settings, freebusy', async ({ s }) => {
  const c = await scoped(s, 'calendar.events');
  await refused(c.calendars.get({ calendarId: 'primary' }), 403, 'insufficientPermissions');
  await refused(c.colors.get(), 403, 'insufficientPermissions');
  await refused(c.settings.list(), 403, 'insufficientPermissions');
  await refused(c.freebusy.query({ requestBody: { timeMin: at(1, 0), timeMax: at(2, 0), items: [] } }),
    403, 'insufficientPermissions');
});

test('scopes: a read-only token may not insert', async ({ s }) => {
  const c = await scoped(s, 'calendar.events.readonly');
  await refused(c.events.insert({ calendarId: 'primary', requestBody: timed('no', 2) }),
    403, 'insufficientPermissions');
});

test('scopes: events and calendarlist.readonly together are enough for a sync', async ({ s }) => {
  const c = await scoped(s, 'calendar.events', 'calendar.calendarlist.readonly');
  await c.calendarList.list();
  await c.colors.get();
  const { data } = await c.events.insert({ calendarId: 'primary', requestBody: timed('least', 2) });
  await c.events.delete({ calendarId: 'primary', eventId: data.id });
});

// -- calendars --------------------------------------------------------------------------------

test('calendarList.list: the primary calendar, role owner', async ({ c }) => {
  const { data } = await c.calendarList.list();
  assert.equal(data.kind, 'calendar#calendarList');
  const primary = data.items.find((e) => e.primary);
  assert.equal(primary.id, 'user1@example.com');
  assert.equal(primary.accessRole, 'owner');
  assert.ok(data.nextSyncToken);
});

test('calendarList.get: an unknown calendar is 404 notFound', async ({ c }) => {
  await refused(c.calendarList.get({ calendarId: 'nobody@example.com' }), 404, 'notFound');
});

test('calendarList.list: the sync token shows a calendar that was made since', async ({ c, s }) => {
  const { data: first } = await c.calendarList.list();
  await s.post('calendars', { id: 'team@group.calendar.google.com', summary: 'Team', accessRole: 'writer' });
  const { data } = await c.calendarList.list({ syncToken: first.nextSyncToken });
  assert.deepEqual(data.items.map((e) => e.id), ['team@group.calendar.google.com']);
  assert.notEqual(data.nextSyncToken, undefined);
});

test('calendarList.list: minAccessRole does not go with syncToken', async ({ c }) => {
  const { data } = await c.calendarList.list();
  await refused(c.calendarList.list({ syncToken: data.nextSyncToken, minAccessRole: 'owner' }), 400);
});

test('calendarList.list: hidden calendars only with showHidden', async ({ c, s }) => {
  await s.post('calendars', { id: 'hidden@group.calendar.google.com', summary: 'H', hidden: true });
  const ids = async (p) => (await c.calendarList.list(p)).data.items.map((e) => e.id);
  assert.ok(!(await ids({})).includes('hidden@group.calendar.google.com'));
  assert.ok((await ids({ showHidden: true })).includes('hidden@group.calendar.google.com'));
});

test('calendars.get: an id with # in it', async ({ c, s }) => {
  const id = 'en.german#holiday@group.v.calendar.google.com';
  await s.post('calendars', { id, summary: 'Holidays', accessRole: 'reader', watchable: false });
  const { data } = await c.calendars.get({ calendarId: id });
  assert.equal(data.id, id);
});

test('calendars: insert, patch, delete of a secondary calendar', async ({ c }) => {
  const { data } = await c.calendars.insert({ requestBody: { summary: 'Second', timeZone: 'Europe/Paris' } });
  assert.match(data.id, /@group\.calendar\.google\.com$/);
  const { data: changed } = await c.calendars.patch({ calendarId: data.id, requestBody: { summary: 'Other' } });
  assert.equal(changed.summary, 'Other');
  assert.equal(changed.timeZone, 'Europe/Paris');
  const r = await c.calendars.delete({ calendarId: data.id });
  assert.equal(r.status, 204);
  await refused(c.calendars.get({ calendarId: data.id }), 404, 'notFound');
});

test('colors.get: event colours 1 to 11, calendar colours 1 to 24', async ({ c }) => {
  const { data } = await c.colors.get();
  assert.equal(Object.keys(data.event).length, 11);
  assert.equal(Object.keys(data.calendar).length, 24);
  assert.match(data.event['1'].background, /^#[0-9a-f]{6}$/);
});

test('settings.get: the time zone, a string', async ({ c }) => {
  const { data } = await c.settings.get({ setting: 'timezone' });
  assert.equal(data.value, 'Europe/Berlin');
  assert.equal(data.kind, 'calendar#setting');
});

test('settings.list: items and a sync token', async ({ c }) => {
  const { data } = await c.settings.list();
  assert.ok(data.items.some((i) => i.id === 'weekStart'));
  assert.ok(data.nextSyncToken);
});

test('freebusy.query: busy times, and an error inside the entry of an unknown calendar', async ({ c }) => {
  const { data: e } = await c.events.insert({ calendarId: 'primary', requestBody: timed('busy', 9) });
  const { data } = await c.freebusy.query({
    requestBody: { timeMin: at(9, 0), timeMax: at(10, 0), items: [{ id: 'primary' }, { id: 'no@example.com' }] },
  });
  const own = data.calendars.primary ?? data.calendars['user1@example.com'];
  assert.equal(own.busy.length, 1);
  assert.equal(Date.parse(own.busy[0].start), Date.parse(at(9, 10)));
  assert.equal(data.calendars['no@example.com'].errors[0].reason, 'notFound');
  await c.events.delete({ calendarId: 'primary', eventId: e.id });
});

// -- events: writes ---------------------------------------------------------------------------

test('events.insert: 200, a server-made id, defaults left out', async ({ c }) => {
  const r = await c.events.insert({ calendarId: 'primary', requestBody: timed('first', 3) });
  assert.equal(r.status, 200);
  assert.match(r.data.id, /^[a-v0-9]{26}$/);
  assert.equal(r.data.kind, 'calendar#event');
  assert.equal(r.data.status, 'confirmed');
  assert.equal(r.data.iCalUID, `${r.data.id}@google.com`);
  assert.equal(r.data.organizer.self, true);
  assert.equal(r.data.sequence, 0);
  assert.equal(r.data.eventType, 'default');
  assert.deepEqual(r.data.reminders, { useDefault: true });
  assert.match(r.data.etag, /^".+"$/);
  for (const absent of ['transparency', 'visibility', 'description', 'guestsCanModify'])
    assert.ok(!(absent in r.data), absent);
});

test('events.insert: the answer has the calendar\'s offset', async ({ c }) => {
  const { data } = await c.events.insert({
    calendarId: 'primary',
    requestBody: { summary: 'utc', start: { dateTime: '2026-07-01T08:00:00Z' }, end: { dateTime: '2026-07-01T09:00:00Z' } },
  });
  assert.equal(data.start.dateTime, '2026-07-01T10:00:00+02:00');
});

test('events.insert: a taken id is 409 duplicate, also after deletion', async ({ c }) => {
  const id = 'conformance0000000001';
  await c.events.insert({ calendarId: 'primary', requestBody: { ...timed('mine', 3), id } });
  await refused(c.events.insert({ calendarId: 'primary', requestBody: { ...timed('mine', 3), id } }), 409, 'duplicate');
  await c.events.delete({ calendarId: 'primary', eventId: id });
  await refused(c.events.insert({ calendarId: 'primary', requestBody: { ...timed('mine', 3), id } }), 409, 'duplicate');
});

test('events.insert: a bad id is 400 invalid', async ({ c }) => {
  await refused(c.events.insert({ calendarId: 'primary', requestBody: { ...timed('x', 3), id: 'with-hyphens' } }), 400, 'invalid');
});

test('events.insert: a missing end is 400 required', async ({ c }) => {
  await refused(c.events.insert({ calendarId: 'primary', requestBody: { summary: 'x', start: { dateTime: at(3, 1) } } }), 400, 'required');
});

test('events.insert: an end before the start is 400 timeRangeEmpty', async ({ c }) => {
  const body = { summary: 'x', start: { dateTime: at(3, 5) }, end: { dateTime: at(3, 4) } };
  await refused(c.events.insert({ calendarId: 'primary', requestBody: body }), 400, 'timeRangeEmpty');
});

test('events.insert: date and dateTime do not mix', async ({ c }) => {
  const body = { summary: 'x', start: { date: '2026-03-03' }, end: { dateTime: at(3, 4) } };
  await refused(c.events.insert({ calendarId: 'primary', requestBody: body }), 400, 'invalid');
});

test('events.insert: a calendar that may only be read is 403 requiredAccessLevel', async ({ c, s }) => {
  await s.post('calendars', { id: 'ro@group.calendar.google.com', summary: 'RO', accessRole: 'reader' });
  await refused(c.events.insert({ calendarId: 'ro@group.calendar.google.com', requestBody: timed('x', 3) }), 403);
});

test('events.patch: objects merge, arrays are replaced, null removes', async ({ c }) => {
  const { data: e } = await c.events.insert({
    calendarId: 'primary',
    requestBody: {
      ...timed('patch me', 4), description: 'd', location: 'l',
      extendedProperties: { private: { a: '1', b: '2' } },
      reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 5 }, { method: 'email', minutes: 9 }] },
    },
  });
  const { data } = await c.events.patch({
    calendarId: 'primary', eventId: e.id,
    requestBody: {
      summary: 'patched', location: null, extendedProperties: { private: { a: null, c: '3' } },
      reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 1 }] },
    },
  });
  assert.equal(data.summary, 'patched');
  assert.equal(data.description, 'd');
  assert.ok(!('location' in data));
  assert.deepEqual(data.extendedProperties.private, { b: '2', c: '3' });
  assert.deepEqual(data.reminders.overrides, [{ method: 'popup', minutes: 1 }]);
  assert.notEqual(data.etag, e.etag);
});

test('events.update: what is left out is cleared', async ({ c }) => {
  const { data: e } = await c.events.insert({
    calendarId: 'primary', requestBody: { ...timed('put', 4), description: 'gone', extendedProperties: { shared: { k: 'v' } } },
  });
  const { data } = await c.events.update({ calendarId: 'primary', eventId: e.id, requestBody: timed('put 2', 4) });
  assert.equal(data.summary, 'put 2');
  assert.ok(!('description' in data));
  assert.ok(!('extendedProperties' in data));
});

test('events.patch: If-Match with an old etag is 412 conditionNotMet', async ({ c }) => {
  const { data: e } = await c.events.insert({ calendarId: 'primary', requestBody: timed('guard', 4) });
  await c.events.patch({ calendarId: 'primary', eventId: e.id, requestBody: { summary: 'moved on' } });
  await refused(c.events.patch(
    { calendarId: 'primary', eventId: e.id, requestBody: { summary: 'late' } },
    { headers: { 'If-Match': e.etag } }), 412, 'conditionNotMet');
  const { data } = await c.events.get({ calendarId: 'primary', eventId: e.id });
  assert.equal(data.summary, 'moved on');
});

test('events.get: If-None-Match with the current etag is 304', async ({ c }) => {
  const { data: e } = await c.events.insert({ calendarId: 'primary', requestBody: timed('same', 4) });
  const r = await c.events.get({ calendarId: 'primary', eventId: e.id }, { headers: { 'If-None-Match': e.etag } });
  assert.equal(r.status, 304);
});

test('events.delete: 204, then 410 deleted, and get shows it cancelled', async ({ c }) => {
  const { data: e } = await c.events.insert({ calendarId: 'primary', requestBody: timed('del', 4) });
  const r = await c.events.delete({ calendarId: 'primary', eventId: e.id });
  assert.equal(r.status, 204);
  await refused(c.events.delete({ calendarId: 'primary', eventId: e.id }), 410, 'deleted');
  const { data } = await c.events.get({ calendarId: 'primary', eventId: e.id });
  assert.equal(data.status, 'cancelled');
  await refused(c.events.delete({ calendarId: 'primary', eventId: e.id }, { headers: { 'If-Match': e.etag } }), 412, 'conditionNotMet');
});

test('events.delete: an event that never was is 404', async ({ c }) => {
  await refused(c.events.delete({ calendarId: 'primary', eventId: 'neverwas0000' }), 404, 'notFound');
});

test('events.patch: status confirmed revives a deleted event', async ({ c }) => {
  const { data: e } = await c.events.insert({ calendarId: 'primary', requestBody: timed('phoenix', 4) });
  await c.events.delete({ calendarId: 'primary', eventId: e.id });
  const { data } = await c.events.patch({ calendarId: 'primary', eventId: e.id, requestBody: { status: 'confirmed' } });
  assert.equal(data.status, 'confirmed');
  assert.equal(data.summary, 'phoenix');
});

test('events.move: the id stays, the source keeps a stub', async ({ c }) => {
  const { data: cal } = await c.calendars.insert({ requestBody: { summary: 'Target' } });
  const { data: e } = await c.events.insert({ calendarId: 'primary', requestBody: timed('mover', 5) });
  const { data } = await c.events.move({ calendarId: 'primary', eventId: e.id, destination: cal.id });
  assert.equal(data.id, e.id);
  assert.equal(data.organizer.email, cal.id);
  const { data: stub } = await c.events.get({ calendarId: 'primary', eventId: e.id });
  assert.equal(stub.status, 'cancelled');
  const { data: there } = await c.events.get({ calendarId: cal.id, eventId: e.id });
  assert.equal(there.summary, 'mover');
});

test('events.import: keeps the iCalUID and mails nobody', async ({ c, s }) => {
  await s.del('mail');
  const { data } = await c.events.import({
    calendarId: 'primary',
    requestBody: {
      ...timed('imported', 5), iCalUID: 'abc@elsewhere.example',
      organizer: { email: 'boss@elsewhere.example' }, attendees: [{ email: 'guest@example.net' }],
    },
  });
  assert.equal(data.iCalUID, 'abc@elsewhere.example');
  assert.equal(data.privateCopy, true);
  assert.deepEqual(await s.get('mail'), []);
});

test('events.insert: sendUpdates=all mails the guests, none does not', async ({ c, s }) => {
  await s.del('mail');
  const body = { ...timed('party', 5), attendees: [{ email: 'guest@example.net' }] };
  const { data } = await c.events.insert({ calendarId: 'primary', sendUpdates: 'none', requestBody: body });
  assert.equal(data.attendees[0].responseStatus, 'needsAction');
  assert.deepEqual(await s.get('mail'), []);
  await c.events.insert({ calendarId: 'primary', sendUpdates: 'all', requestBody: body });
  assert.deepEqual((await s.get('mail')).map((m) => m.to), ['guest@example.net']);
});

test('events.quickAdd: makes an event of a text', async ({ c }) => {
  const { data } = await c.events.quickAdd({ calendarId: 'primary', text: 'Lunch with Ada' });
  assert.match(data.summary, /Lunch/);
  assert.ok(data.start && data.end);
});

// -- events: reads ----------------------------------------------------------------------------

async function fresh(c, count = 0) {
  const { data } = await c.calendars.insert({ requestBody: { summary: 'fresh', timeZone: 'Europe/Berlin' } });
  for (let i = 0; i < count; i++)
    await c.events.insert({ calendarId: data.id, requestBody: timed(`e${i}`, i + 1) });
  return data.id;
}

test('events.list: pages, and a sync token on the last one alone', async ({ c }) => {
  const calendarId = await fresh(c, 5);
  const seen = [];
  let pageToken;
  let pages = 0;
  for (;;) {
    const { data } = await c.events.list({ calendarId, maxResults: 2, pageToken });
    pages++;
    seen.push(...data.items.map((e) => e.summary));
    assert.notEqual('nextPageToken' in data, 'nextSyncToken' in data);
    if (!data.nextPageToken) break;
    pageToken = data.nextPageToken;
  }
  assert.equal(pages, 3);
  assert.deepEqual(seen.sort(), ['e0', 'e1', 'e2', 'e3', 'e4']);
});

test('events.list: a page token is bound to its query', async ({ c }) => {
  const calendarId = await fresh(c, 3);
  const { data } = await c.events.list({ calendarId, maxResults: 1 });
  await refused(c.events.list({ calendarId, maxResults: 1, q: 'x', pageToken: data.nextPageToken }), 400, 'invalid');
  await refused(c.events.list({ calendarId, maxResults: 1, pageToken: 'nonsense' }), 400, 'invalid');
});

test('events.list: a sync token brings changes and minimal tombstones', async ({ c }) => {
  const calendarId = await fresh(c, 2);
  const { data: full } = await c.events.list({ calendarId });
  const [a, b] = full.items;
  await c.events.delete({ calendarId, eventId: a.id });
  await c.events.patch({ calendarId, eventId: b.id, requestBody: { summary: 'new' } });
  const { data } = await c.events.list({ calendarId, syncToken: full.nextSyncToken });
  const byId = Object.fromEntries(data.items.map((e) => [e.id, e]));
  assert.deepEqual(Object.keys(byId[a.id]).sort(), ['etag', 'id', 'kind', 'status']);
  assert.equal(byId[b.id].summary, 'new');
  const { data: idle } = await c.events.list({ calendarId, syncToken: data.nextSyncToken });
  assert.deepEqual(idle.items, []);
  assert.ok(idle.nextSyncToken);
});

for (const [name, value] of Object.entries({
  iCalUID: 'x', orderBy: 'updated', privateExtendedProperty: 'a=b', q: 'x', sharedExtendedProperty: 'a=b',
  timeMin: '2026-01-01T00:00:00Z', timeMax: '2026-12-01T00:00:00Z', updatedMin: '2026-11-20T00:00:00Z',
}))
  test(`events.list: ${name} does not go with syncToken`, async ({ c }) => {
    const { data } = await c.events.list({ calendarId: 'primary', maxResults: 2500 });
    await refused(c.events.list({ calendarId: 'primary', syncToken: data.nextSyncToken, [name]: value }), 400);
  });

test('events.list: an expired sync token is 410 fullSyncRequired', async ({ c, s }) => {
  const { data } = await c.events.list({ calendarId: 'primary', maxResults: 2500 });
  await s.post('expire', { sync_tokens: true });
  await refused(c.events.list({ calendarId: 'primary', syncToken: data.nextSyncToken }), 410, 'fullSyncRequired');
});

test('events.list: no sync token after q or orderBy', async ({ c }) => {
  const calendarId = await fresh(c, 2);
  const { data } = await c.events.list({ calendarId, q: 'e1' });
  assert.deepEqual(data.items.map((e) => e.summary), ['e1']);
  assert.equal(data.nextSyncToken, undefined);
  const { data: ordered } = await c.events.list({ calendarId, singleEvents: true, orderBy: 'startTime' });
  assert.deepEqual(ordered.items.map((e) => e.summary), ['e0', 'e1']);
  assert.equal(ordered.nextSyncToken, undefined);
});

test('events.list: orderBy=startTime needs singleEvents', async ({ c }) => {
  await refused(c.events.list({ calendarId: 'primary', orderBy: 'startTime' }), 400, 'invalid');
});

test('events.list: timeMin bounds the end, timeMax the start, both exclusive', async ({ c }) => {
  const calendarId = await fresh(c, 3); // 10:00 to 11:00 on days 1, 2, 3
  const names = async (p) => (await c.events.list({ calendarId, ...p })).data.items.map((e) => e.summary).sort();
  assert.deepEqual(await names({ timeMin: at(2, 11) }), ['e2']);
  assert.deepEqual(await names({ timeMin: '2026-03-02T10:59:59+01:00' }), ['e1', 'e2']);
  assert.deepEqual(await names({ timeMax: at(2, 10) }), ['e0']);
  assert.deepEqual(await names({ timeMin: at(2, 0), timeMax: at(3, 0) }), ['e1']);
});

test('events.list: deleted events with showDeleted alone', async ({ c }) => {
  const calendarId = await fresh(c, 2);
  const { data } = await c.events.list({ calendarId });
  await c.events.delete({ calendarId, eventId: data.items[0].id });
  assert.equal((await c.events.list({ calendarId })).data.items.length, 1);
  const all = (await c.events.list({ calendarId, showDeleted: true })).data.items;
  assert.deepEqual(all.map((e) => e.status).sort(), ['cancelled', 'confirmed']);
});

test('events.list: series as masters, or as instances', async ({ c }) => {
  const calendarId = await fresh(c);
  const { data: m } = await c.events.insert({ calendarId, requestBody: weekly('series', 2, 3) });
  const masters = (await c.events.list({ calendarId })).data.items;
  assert.deepEqual(masters.map((e) => e.recurrence), [['RRULE:FREQ=WEEKLY;COUNT=3']]);
  const items = (await c.events.list({ calendarId, singleEvents: true, orderBy: 'startTime' })).data.items;
  assert.deepEqual(items.map((e) => e.id),
    ['20260302T090000Z', '20260309T090000Z', '20260316T090000Z'].map((t) => `${m.id}_${t}`));
  assert.ok(items.every((e) => e.recurringEventId === m.id && !e.recurrence));
});

test('events.instances: an edited and a deleted occurrence', async ({ c }) => {
  const calendarId = await fresh(c);
  const { data: m } = await c.events.insert({ calendarId, requestBody: weekly('series', 2, 3) });
  const { data: list } = await c.events.instances({ calendarId, eventId: m.id });
  assert.equal(list.items.length, 3);
  await c.events.patch({ calendarId, eventId: list.items[1].id, requestBody: { summary: 'moved' } });
  await c.events.delete({ calendarId, eventId: list.items[2].id });
  const { data: after } = await c.events.instances({ calendarId, eventId: m.id });
  assert.deepEqual(after.items.map((e) => e.summary), ['series', 'moved']);
  const { data: raw } = await c.events.list({ calendarId });
  const cancelled = raw.items.find((e) => e.status === 'cancelled');
  assert.equal(cancelled.recurringEventId, m.id);
  assert.equal(Date.parse(cancelled.originalStartTime.dateTime), Date.parse(at(16, 10)));
});

test('events.insert: a series without a time zone is refused', async ({ c }) => {
  const body = { ...timed('s', 2), recurrence: ['RRULE:FREQ=DAILY;COUNT=2'] };
  await refused(c.events.insert({ calendarId: 'primary', requestBody: body }), 400);
});

test('events.list: fields trims the answer, a bad mask is 400', async ({ c }) => {
  const calendarId = await fresh(c, 1);
  const { data } = await c.events.list({ calendarId, fields: 'nextSyncToken,items(id,start/dateTime)' });
  assert.deepEqual(Object.keys(data).sort(), ['items', 'nextSyncToken']);
  assert.deepEqual(Object.keys(data.items[0]).sort(), ['id', 'start']);
  await refused(c.events.list({ calendarId, fields: 'items(id' }), 400);
  await refused(c.events.list({ calendarId, fields: 'nonsense' }), 400);
});

test('events.list: empty pages are not the end', async ({ c, s }) => {
  const calendarId = await fresh(c, 3);
  await s.post('config', { empty_pages: true });
  let empty = 0;
  let items = 0;
  let pageToken;
  do {
    const { data } = await c.events.list({ calendarId, maxResults: 1, pageToken });
    empty += data.items.length === 0;
    items += data.items.length;
    pageToken = data.nextPageToken;
  } while (pageToken);
  await s.post('config', { empty_pages: false });
  assert.equal(items, 3);
  assert.ok(empty > 0);
});

test('events: a calendar with free/busy access shows times alone', async ({ c, s }) => {
  const id = 'fb@group.calendar.google.com';
  await s.post('calendars', { id, summary: 'FB', accessRole: 'owner' });
  await c.events.insert({ calendarId: id, requestBody: timed('secret', 6) });
  await s.post('calendars', { id, accessRole: 'freeBusyReader' });
  const { data } = await c.events.list({ calendarId: id });
  assert.equal(data.accessRole, 'freeBusyReader');
  assert.equal(data.items.length, 1);
  assert.ok(!('summary' in data.items[0]));
});

// -- push -------------------------------------------------------------------------------------

async function receiver() {
  const messages = [];
  const server = http.createServer((req, res) => {
    messages.push({ ...req.headers });
    res.writeHead(messages.reply ?? 200).end();
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  return { messages, server, address: `http://127.0.0.1:${server.address().port}/hook` };
}

async function until(what) {
  for (let i = 0; i < 100; i++) {
    if (what()) return;
    await new Promise((r) => setTimeout(r, 20));
  }
  throw new Error('waited too long');
}

test('events.watch: sync message, then one for a change, then stop', async ({ c }) => {
  const calendarId = await fresh(c);
  const hook = await receiver();
  try {
    const { data: ch } = await c.events.watch({
      calendarId, requestBody: { id: 'channel-1', type: 'web_hook', address: hook.address, token: 'secret' },
    });
    assert.equal(ch.kind, 'api#channel');
    assert.ok(ch.resourceId);
    assert.equal(ch.resourceUri,
      `https://www.googleapis.com/calendar/v3/calendars/${encodeURIComponent(calendarId)}/events?alt=json`);
    assert.ok(Math.abs(Number(ch.expiration) - Date.now() - 604800e3) < 60e3);
    await until(() => hook.messages.length === 1);
    assert.equal(hook.messages[0]['x-goog-resource-state'], 'sync');
    assert.equal(hook.messages[0]['x-goog-message-number'], '1');
    assert.equal(hook.messages[0]['x-goog-channel-token'], 'secret');
    await c.events.insert({ calendarId, requestBody: timed('ping', 7) });
    await until(() => hook.messages.length === 2);
    const m = hook.messages[1];
    assert.equal(m['x-goog-resource-state'], 'exists');
    assert.equal(m['x-goog-channel-id'], 'channel-1');
    assert.equal(m['x-goog-resource-id'], ch.resourceId);
    assert.equal(m['content-length'], '0');
    assert.ok(Number(m['x-goog-message-number']) > 1);
    assert.equal(Math.floor(Number(ch.expiration) / 1000) * 1000, Date.parse(m['x-goog-channel-expiration']));
    const r = await c.channels.stop({ requestBody: { id: ch.id, resourceId: ch.resourceId } });
    assert.equal(r.status, 204);
    await refused(c.channels.stop({ requestBody: { id: 'unknown', resourceId: ch.resourceId } }), 404, 'notFound');
  } finally {
    hook.server.close();
  }
});

test('events.watch: a used channel id is 400 channelIdNotUnique', async ({ c }) => {
  await refused(c.events.watch({
    calendarId: 'primary', requestBody: { id: 'channel-1', type: 'web_hook', address: 'https://example.com/hook' },
  }), 400, 'channelIdNotUnique');
});

test('events.watch: http is refused unless it is loopback and allowed', async ({ c }) => {
  await refused(c.events.watch({
    calendarId: 'primary', requestBody: { id: 'channel-2', type: 'web_hook', address: 'http://example.com/hook' },
  }), 400, 'push.webhookUrlNotHttps');
});

test('events.watch: a holiday calendar cannot be watched', async ({ c }) => {
  await refused(c.events.watch({
    calendarId: 'en.german#holiday@group.v.calendar.google.com',
    requestBody: { id: 'channel-3', type: 'web_hook', address: 'https://example.com/hook' },
  }), 400, 'pushNotSupportedForRequestedResource');
});

// -- quota and errors -------------------------------------------------------------------------

for (const status of [403, 429])
  test(`quota: a full minute answers ${status} rateLimitExceeded`, async ({ c, s }) => {
    await s.post('clock', { advance_ms: 61000 });
    await s.post('config', { rate_per_minute: 3, rate_status: status });
    try {
      for (let i = 0; i < 3; i++) await c.colors.get();
      await refused(c.colors.get(), status, 'rateLimitExceeded');
      await s.post('clock', { advance_ms: 61000 });
      await c.colors.get();
    } finally {
      await s.post('config', { rate_per_minute: 0 });
    }
  });

test('errors: a 503 of the backend is reported with its status', async ({ c, s }) => {
  await s.post('faults', { match: '/colors', action: 'status', status: 503 });
  await refused(c.colors.get(), 503, 'backendError');
  await c.colors.get();
});

test('errors: no bearer is 401 required', async ({ s }) => {
  await refused(makeCalendar({ version: 'v3', rootUrl: s.url, retry: false }).colors.get(), 401, 'required');
});

test('answers are compressed for a client that says gzip twice', async ({ s }) => {
  const { access_token } = await s.post('token');
  const ask = (agent) => fetch(`${s.url}/calendar/v3/colors`, {
    headers: { authorization: `Bearer ${access_token}`, 'accept-encoding': 'gzip', 'user-agent': agent },
  });
  assert.equal((await ask('test (gzip)')).headers.get('content-encoding'), 'gzip');
  assert.equal((await ask('test')).headers.get('content-encoding'), null);
  await s.del('violations');
});

test('the sandbox noted nothing that Google would refuse of its own client', async ({ s, noted }) => {
  const found = [...noted, ...await s.get('violations')];
  assert.deepEqual(found.map((v) => `${v.method} ${v.path}: ${v.what}`), []);
});

const s = await Sandbox.start();
let failed = 1;
try {
  const { client } = await connect(s, [`${SCOPE}calendar`]);
  failed = await runAll({ s, c: api(s, (await scopedClient(s))), client, noted: [] });
} finally {
  const code = await s.stop();
  if (code !== 0) {
    console.error(`calsync-sandbox ended with ${code}`);
    failed++;
  }
}
process.exit(failed ? 1 : 0);

// A client of its own for the tests of the API: revoking and expiring in others do not touch it.
async function scopedClient(sandbox) {
  const { access_token } = await sandbox.post('token');
  const client = oauth(sandbox, INSTALLED);
  client.setCredentials({ access_token });
  return client;
}
