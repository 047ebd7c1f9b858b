// What scripts import from https://jslib.k6.io/formdata/: forms whose parts have an order.

import { multipart } from 'k6/http';

export class FormData {
  #parts = [];
  boundary = `----swell${Math.random().toString(36).slice(2)}`;

  append(name, value) {
    this.#parts.push([String(name), value]);
  }

  /** All parts, as the body of a request. */
  body() {
    return multipart(this.#parts, this.boundary);
  }

  contentType() {
    return `multipart/form-data; boundary=${this.boundary}`;
  }
}

export default { FormData };
