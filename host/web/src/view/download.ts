// Files that the page makes of what it shows: nothing leaves the machine.

/** Has the browser keep a file. */
export function download(name: string, content: Blob) {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // It reads the content after this.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A file's name of words: what file systems or shells take for more than a letter is left out. */
export function fileName(words: string[], ending: string): string {
  const plain = words.map((word) =>
    word.replace(/[^\p{L}\p{N}.]+/gu, "-").replace(/^[-.]+|[-.]+$/g, ""));
  return `${plain.filter((word) => word).join("-").slice(0, 120)}.${ending}`;
}
