// What scripts import from https://jslib.k6.io/k6-utils/, without a download.

/** A whole number, each from the first to the last with the same chance. */
export function randomIntBetween(min, max) {
  return Math.floor(Math.random() * (max - min + 1)) + min;
}

/** One of an array. */
export function randomItem(array) {
  return array[Math.floor(Math.random() * array.length)];
}

/** Letters of the alphabet that is given. */
export function randomString(length, letters = 'abcdefghijklmnopqrstuvwxyz') {
  let text = '';
  while (length-- > 0) text += letters[Math.floor(Math.random() * letters.length)];
  return text;
}

/** A UUID of random digits. */
export function uuidv4() {
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (place) => {
    const digit = Math.floor(Math.random() * 16);
    return (place === 'x' ? digit : (digit & 3) | 8).toString(16);
  });
}

/** What stands between two texts: the first, or with `repeat` an array of all. */
export function findBetween(content, left, right, repeat = false) {
  const found = [];
  let at = 0;
  for (;;) {
    const begin = content.indexOf(left, at);
    const end = begin < 0 ? -1 : content.indexOf(right, begin + left.length);
    if (end < 0) break;
    found.push(content.slice(begin + left.length, end));
    if (!repeat) return found[0];
    at = end + right.length;
  }
  return repeat ? found : null;
}
