// The smallest scenario: one page in one transaction.

import http, { type Response } from 'k6/http';
import { check } from 'k6';

export default function (): void {
  const page: Response = http.get('/', { tags: { name: 'front page' } });
  check(page, { 'has a title': ({ body }) => (body as string).includes('<title>') });
}
