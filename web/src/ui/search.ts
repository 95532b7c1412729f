/** A test for texts in which every word of what is looked for begins a word, whatever its accents and capitals. */
export function matcher(typed: string): (...texts: readonly string[]) => boolean {
  const wanted = words(typed);
  return (...texts) => {
    if (wanted.length === 0) return true;
    const there = texts.flatMap(words);
    return wanted.every((word) => there.some((each) => each.startsWith(word)));
  };
}

function words(text: string): string[] {
  return (
    text
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}
