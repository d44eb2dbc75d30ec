/** Cells of a table or the value beside a name. */
type Cell = string | number | null | undefined;

/**
 * Text of others as a terminal may show it: what would move the cursor, colour or reorder is written as `\uXXXX`, which
 * in JSON means the same. Line ends and tabs stay.
 */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (one) =>
    one === '\n' || one === '\t' ? one : one.split('').map(asEscape).join(''),
  );
}

const asEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Rows under headings, columns two spaces apart; the last one is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [headings, ...rows.map((row) => row.map(oneLine))];
  const widths = headings.map((_, column) =>
    lines.reduce((width, cells) => Math.max(width, (cells[column] ?? '').length), 0),
  );
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names with their values, one a line. */
export function details(pairs: Readonly<Record<string, Cell>>): string {
  const width = Math.max(...Object.keys(pairs).map((name) => name.length));
  return Object.entries(pairs)
    .map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value)}`)
    .join('\n');
}

/** Cells in one line, where no other line is known yet that they could stand under. */
export const line = (cells: readonly Cell[]): string => cells.map(oneLine).join('  ');

/** A value on one line: the text of others cannot pass for a line of rtmctl's own. */
export const oneLine = (cell: Cell): string => harmless(String(cell ?? '-')).replaceAll(/[\n\t]+/g, ' ');

/** As much of a container's id as Docker shows of it. */
export const shortId = (containerId: string | null): string | null => containerId?.slice(0, 12) ?? null;
