/** What stands between two marks of a document. Everything outside of the marks is written by people and stays. */
export interface MarkedSection {
  /** What kind of mark: `<!-- kind: name -->`. */
  readonly kind: string;
  readonly name: string;
  /** Of the section that is added at the end where no marks are. */
  readonly title: string;
}

const marksOf = ({ kind, name }: MarkedSection) =>
  [`<!-- ${kind}: ${name} -->`, `<!-- end: ${name} -->`] as const;

function find(document: string, section: MarkedSection): { from: number; to: number } | undefined {
  const [begin, end] = marksOf(section);
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  return from < 0 || to < 0 ? undefined : { from: from + begin.length, to };
}

/** What stands between the marks; empty where there are none. */
export function readSection(document: string, section: MarkedSection): string {
  const place = find(document, section);
  return place ? document.slice(place.from, place.to).trim() : '';
}

/** The document with this between the marks. */
export function replaceSection(document: string, section: MarkedSection, content: string): string {
  const place = find(document, section);
  if (place) return `${document.slice(0, place.from)}\n\n${content}\n\n${document.slice(place.to)}`;
  const [begin, end] = marksOf(section);
  return `${document.trimEnd()}\n\n## ${section.title}\n\n${begin}\n\n${content}\n\n${end}\n`;
}
