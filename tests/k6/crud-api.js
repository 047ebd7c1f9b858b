import http from 'k6/http';
import { check, group, fail } from 'k6';

export const options = { vus: 1, iterations: 1 };

// Create a random string of given length
function randomString(length, charset = '') {
  if (!charset) charset = 'abcdefghijklmnopqrstuvwxyz';
  let res = '';
  while (length--) res += charset[(Math.random() * charset.length) | 0];
  return res;
}

const USERNAME = `${randomString(10)}@example.com`; // Set your own email.
const PASSWORD = 'secret';

const BASE_URL = __ENV.BASE_URL;

// Authenticate and retrieve authentication token for the API requests
export function setup() {
  const loginRes = http.post(`${BASE_URL}/login`, JSON.stringify({ user: USERNAME, password: PASSWORD }));
  const authToken = loginRes.json('token');
  check(authToken, { 'logged in successfully': () => authToken.length > 0 });
  return authToken;
}

export default function (authToken) {
  // set the authorization header on the session for the subsequent requests
  const requestConfigWithTag = (tag) => ({
    headers: { Authorization: `Bearer ${authToken}` },
    tags: Object.assign({}, { name: 'PrivateCrocs' }, tag),
  });

  let URL = `${BASE_URL}/items`;

  group('01. Create a new order', () => {
    const payload = { name: `Name ${randomString(10)}`, sex: 'F', date_of_birth: '2023-05-11' };
    const res = http.post(`${BASE_URL}/orders`, payload, requestConfigWithTag({ name: 'Create' }));
    if (check(res, { 'Order created correctly': (r) => r.status === 201 })) {
      URL = `${URL}/${res.json('order')}`;
    } else {
      console.log(`Unable to create an order ${res.status} ${res.body}`);
      return;
    }
  });

  group('02. Fetch my items', () => {
    const res = http.get(`${BASE_URL}/items`, requestConfigWithTag({ name: 'Fetch' }));
    check(res, { 'retrieved items status': (r) => r.status === 200 });
    check(res.json(), { 'retrieved items list': (r) => r.length > 0 });
  });

  group('03. Update the order', () => {
    const payload = { name: 'New name' };
    const res = http.patch(`${BASE_URL}/echo`, payload, requestConfigWithTag({ name: 'Update' }));
    const isSuccessfulUpdate = check(res, {
      'Update worked': () => res.status === 200,
      'Updated name is correct': () => res.json('body') === 'name=New+name',
    });
    if (!isSuccessfulUpdate) {
      console.log(`Unable to update the order ${res.status} ${res.body}`);
      return;
    }
  });

  const delRes = http.del(`${BASE_URL}/echo`, null, requestConfigWithTag({ name: 'Delete' }));
  if (!check(null, { 'Order was deleted correctly': () => delRes.status === 200 })) {
    fail('the order was not deleted');
  }
  check(http.get(URL), { 'the first order is item 1': (r) => r.json('id') === 1 });
}
