// State that lives from step to step: a token in the user's hands, a cookie in the host's.

import http from 'k6/http';
import { user } from 'swell';

const named = (name) => ({ tags: { name } });

// Each user has its own: it lives from the user's first iteration to its last.
let token;

export default function () {
  token ??= logIn('log in').json('token');
  http.get('/account', { headers: { Authorization: `Bearer ${token}` }, ...named('account by token') });

  // The answer sets a cookie, which the host keeps to the end of this iteration.
  logIn('sign in');
  http.get('/account', named('account by cookie'));
}

function logIn(name) {
  const credentials = JSON.stringify({ user: `user-${user()}`, password: 'secret' });
  return http.post('/login', credentials, { headers: { 'Content-Type': 'application/json' }, ...named(name) });
}
