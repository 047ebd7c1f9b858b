// The module "k6/html": pages, and what selectors find in them.

import { hooks, native } from 'swell:core';

const pages = native.pages();

/** Nodes of a page, in the order in which they were found. */
export class Selection {
  #page;
  #nodes;

  constructor(page, nodes) {
    this.#page = page;
    this.#nodes = nodes;
  }

  #of(nodes) {
    return new Selection(this.#page, [...new Set(nodes)]);
  }

  #elements(nodes) {
    return nodes.filter((node) => pages.name(this.#page, node) !== undefined);
  }

  #parents(node) {
    const parents = [];
    for (let at = pages.parent(this.#page, node); at > 0; at = pages.parent(this.#page, at)) parents.push(at);
    return parents;
  }

  /** The elements after a node in its parent, or before it, the nearest first. */
  #beside(node, isAfter) {
    const parent = pages.parent(this.#page, node);
    if (parent === undefined) return [];
    const all = this.#elements(pages.children(this.#page, parent));
    const place = all.indexOf(node);
    return isAfter ? all.slice(place + 1) : all.slice(0, place).reverse();
  }

  #fits(node, selector) {
    return selector === undefined || pages.matches(this.#page, node, selector);
  }

  #each(near, selector) {
    return this.#of(this.#nodes.flatMap(near).filter((node) => this.#fits(node, selector)));
  }

  #until(near, selector, filter) {
    return this.#each((node) => {
      const all = near(node);
      const end = selector === undefined ? -1 : all.findIndex((one) => this.#fits(one, selector));
      return end < 0 ? all : all.slice(0, end);
    }, filter);
  }

  find(selector) {
    return this.#each((node) => pages.find(this.#page, node, selector));
  }

  children(selector) {
    return this.#each((node) => this.#elements(pages.children(this.#page, node)), selector);
  }

  contents() {
    return this.#each((node) => pages.children(this.#page, node));
  }

  parent(selector) {
    return this.#each((node) => this.#parents(node).slice(0, 1), selector);
  }

  parents(selector) {
    return this.#each((node) => this.#parents(node), selector);
  }

  parentsUntil(selector, filter) {
    return this.#until((node) => this.#parents(node), selector, filter);
  }

  closest(selector) {
    return this.#each((node) => [node, ...this.#parents(node)].filter((one) => this.#fits(one, selector)).slice(0, 1));
  }

  next(selector) {
    return this.#each((node) => this.#beside(node, true).slice(0, 1), selector);
  }

  nextAll(selector) {
    return this.#each((node) => this.#beside(node, true), selector);
  }

  nextUntil(selector, filter) {
    return this.#until((node) => this.#beside(node, true), selector, filter);
  }

  prev(selector) {
    return this.#each((node) => this.#beside(node, false).slice(0, 1), selector);
  }

  prevAll(selector) {
    return this.#each((node) => this.#beside(node, false), selector);
  }

  prevUntil(selector, filter) {
    return this.#until((node) => this.#beside(node, false), selector, filter);
  }

  #kept(what) {
    if (typeof what === 'function') return (node, i) => Boolean(what(i, this.#of([node])));
    if (what instanceof Selection) return (node) => what.#nodes.includes(node);
    return (node) => this.#fits(node, what);
  }

  filter(what) {
    return this.#of(this.#nodes.filter(this.#kept(what)));
  }

  not(what) {
    const kept = this.#kept(what);
    return this.#of(this.#nodes.filter((node, i) => !kept(node, i)));
  }

  is(what) {
    return this.#nodes.some(this.#kept(what));
  }

  has(selector) {
    return this.#of(this.#nodes.filter((node) => pages.find(this.#page, node, selector).length > 0));
  }

  eq(index) {
    return this.#of(this.#nodes.slice(index, index === -1 ? undefined : index + 1));
  }

  first() {
    return this.eq(0);
  }

  last() {
    return this.eq(-1);
  }

  slice(start, end) {
    return this.#of(this.#nodes.slice(start, end));
  }

  size() {
    return this.#nodes.length;
  }

  get(index) {
    const node = this.#nodes.at(index);
    return node === undefined ? undefined : new Element(this.#page, node);
  }

  toArray() {
    return this.#nodes.map((node) => this.#of([node]));
  }

  index(what) {
    if (what instanceof Selection) return this.#nodes.indexOf(what.#nodes[0]);
    const [node] = this.#nodes;
    if (node === undefined) return -1;
    if (what === undefined) return this.#beside(node, false).length;
    return pages.find(this.#page, 0, what).indexOf(node);
  }

  /** Calls a function with the number of each element and the element; one that returns false is the last. */
  each(see) {
    this.#nodes.every((node, i) => see(i, new Element(this.#page, node)) !== false);
    return this;
  }

  /** What a function makes of the number of each element, and the element as a selection. */
  map(make) {
    return this.#nodes.map((node, i) => make(i, this.#of([node])));
  }

  text() {
    return this.#nodes.map((node) => pages.text(this.#page, node)).join('');
  }

  html() {
    return this.#nodes.length === 0 ? undefined : pages.html(this.#page, this.#nodes[0]);
  }

  attr(name, fallback) {
    const [node] = this.#nodes;
    return (node === undefined ? undefined : pages.attribute(this.#page, node, name)) ?? fallback;
  }

  /** An attribute "data-NAME", or all of them; what is JSON is read. */
  data(name) {
    const [node] = this.#nodes;
    if (node === undefined) return undefined;
    if (name !== undefined) return read(this.attr(`data-${dashed(name)}`));
    const all = {};
    for (const [key, value] of pairs(this.#page, node)) {
      if (key.startsWith('data-')) all[key.slice(5).replace(/-([a-z])/g, (_, letter) => letter.toUpperCase())] = read(value);
    }
    return all;
  }

  /** What a field of a form would send. */
  val() {
    const [node] = this.#nodes;
    return node === undefined ? undefined : valueOf(this.#page, node);
  }

  /** The fields of a form that would be sent, each with its name and its value. */
  serializeArray() {
    const fields = this.find('input[name],select[name],textarea[name]').#nodes;
    const own = this.#nodes.filter((node) => pages.matches(this.#page, node, 'input[name],select[name],textarea[name]'));
    const sent = [...own, ...fields].filter((node) => isSent(this.#page, node));
    return sent.flatMap((node) => {
      const name = pages.attribute(this.#page, node, 'name');
      return [valueOf(this.#page, node)].flat().map((value) => ({ name, value: value ?? '' }));
    });
  }

  serializeObject() {
    const values = {};
    for (const { name, value } of this.serializeArray()) values[name] = name in values ? [values[name], value].flat() : value;
    return values;
  }

  serialize() {
    const words = this.serializeArray().map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    return words.join('&').replace(/%20/g, '+');
  }
}

/** One node, as `each` and `get` give it. */
export class Element {
  #page;
  #node;

  constructor(page, node) {
    this.#page = page;
    this.#node = node;
  }

  selection() { return new Selection(this.#page, [this.#node]); }
  nodeName() { return pages.name(this.#page, this.#node) ?? '#text'; }
  nodeType() { return pages.name(this.#page, this.#node) === undefined ? 3 : 1; }
  id() { return this.getAttribute('id') ?? ''; }
  value() { return this.selection().val(); }
  textContent() { return pages.text(this.#page, this.#node); }
  innerHTML() { return pages.html(this.#page, this.#node); }
  getAttribute(name) { return pages.attribute(this.#page, this.#node, name); }
  hasAttribute(name) { return this.getAttribute(name) !== undefined; }
  attributes() { return Object.fromEntries(pairs(this.#page, this.#node)); }
  children() { return this.selection().children().map((_, child) => child.get(0)); }
  parentElement() { return this.selection().parent().get(0); }
  nextElementSibling() { return this.selection().next().get(0); }
  previousElementSibling() { return this.selection().prev().get(0); }
  querySelector(selector) { return this.selection().find(selector).get(0); }
  querySelectorAll(selector) { return this.selection().find(selector).map((_, one) => one.get(0)); }
}

function pairs(page, node) {
  const words = pages.attributes(page, node);
  return words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]]] : []));
}

const dashed = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isSent(page, node) {
  if (pages.matches(page, node, ':disabled')) return false;
  if (pages.name(page, node) !== 'input') return true;
  const type = (pages.attribute(page, node, 'type') ?? 'text').toLowerCase();
  if (type === 'checkbox' || type === 'radio') return pages.matches(page, node, ':checked');
  return !['submit', 'button', 'reset', 'image', 'file'].includes(type);
}

function valueOf(page, node) {
  const given = pages.attribute(page, node, 'value');
  switch (pages.name(page, node)) {
    case 'textarea': return pages.text(page, node);
    case 'select': {
      const options = pages.find(page, node, 'option');
      const selected = options.filter((option) => pages.matches(page, option, ':selected'));
      if (pages.matches(page, node, '[multiple]')) return selected.map((option) => valueOf(page, option));
      const option = selected.at(-1) ?? options[0];
      return option === undefined ? undefined : valueOf(page, option);
    }
    case 'option': return given ?? pages.text(page, node);
    case 'input': {
      const type = (pages.attribute(page, node, 'type') ?? '').toLowerCase();
      return given ?? (type === 'checkbox' || type === 'radio' ? 'on' : undefined);
    }
    default: return given;
  }
}

/** A page, to be searched. */
export function parseHTML(text) {
  return new Selection(pages.parse(String(text)), [0]);
}

// For `html()` of a response, whose module does without this one until then.
hooks.parseHTML = parseHTML;

export default { Element, parseHTML, Selection };
