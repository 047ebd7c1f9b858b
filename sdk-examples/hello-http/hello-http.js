// The smallest scenario: one page in one transaction.

import http from 'k6/http';
import { check } from 'k6';

export default function () {
  const page = http.get('/', { tags: { name: 'front page' } });
  check(page, { 'has a title': ({ body }) => body.includes('<title>') });
}
