/**
 * Reads the progress that Docker sends for a pull, build or import to its end.
 *
 * Docker answers 200 first and tells of a failure inside the stream, so each line is looked at; a
 * line that is not JSON is skipped, since an ill-formed one must not hide the failure behind it.
 */
export async function readProgress(
  stream: NodeJS.ReadableStream,
  onLine?: (line: ProgressLine) => void,
): Promise<void> {
  let rest = '';
  let failure: string | undefined;
  const take = (text: string): void => {
    const line = parseLine(text);
    failure ??= line?.error;
    if (line) onLine?.(line);
  };
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  }
  take(rest);
  if (failure) throw new Error(failure);
}

/** One line of progress, as far as anybody here looks at it. */
export interface ProgressLine {
  readonly status?: string;
  readonly stream?: string;
  readonly error?: string;
}

function parseLine(text: string): ProgressLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? line : undefined;
  } catch {
    return undefined;
  }
}
