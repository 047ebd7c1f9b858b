import http from 'k6/http';
import { check } from 'k6';
import { parseHTML } from 'k6/html';

const BASE = __ENV.BASE_URL;

export const options = { vus: 1, iterations: 2 };

export default function () {
  const front = http.get(`${BASE}/`);
  const page = parseHTML(front.body);
  check(page, {
    title: (p) => p.find('head title').text() === 'The little shop',
    'an attribute': (p) => p.find('img').attr('src') === '/logo.png',
    'all elements': (p) => p.find('body').children().size() === 3,
    'by the response': () => front.html('h1').text() === 'The little shop',
  });

  const names = [];
  const form = http.get(`${BASE}/form`);
  form.html().find('li a').each((_, link) => { names.push(link.textContent()); });
  check(names, { 'each link': (all) => all.join() === 'Tea,Bread' });
  check(form.html('form'), {
    'its fields': (f) => f.serialize() === 'csrf=t0ken&user=&password=&size=m',
    'a token': (f) => f.find('input[name="csrf"]').val() === 't0ken',
    'what is around': (f) => f.find('[type="submit"]').closest('form').attr('action') === 'echo',
  });

  const sent = form.submitForm({ fields: { user: 'ann', password: 'secret' } });
  check(sent, {
    'the form is sent': (r) => r.json('body') === 'csrf=t0ken&user=ann&password=secret&size=m&go=Sign+in',
  });
  const item = form.clickLink({ selector: 'a:contains("Bread")' });
  check(item, { 'the link is followed': (r) => r.json('id') === 2 });
}
